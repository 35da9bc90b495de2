package ticketqueue;

import static io.gatling.javaapi.http.HttpDsl.http;

import io.gatling.javaapi.http.HttpProtocolBuilder;

/** How all simulations talk to the gateway. */
final class Gateway {
    private Gateway() {}

    /**
     * Users share connections: 50,000 with one each would be more than a machine has ports for, and more than the gateway
     * takes from one address.
     */
    static HttpProtocolBuilder protocol() {
        return http.baseUrl(Settings.gateway())
                .shareConnections()
                .acceptHeader("application/json")
                .userAgentHeader("ticket-queue-load-tests")
                .warmUp(Settings.gateway() + "/health/live");
    }
}
