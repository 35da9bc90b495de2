package ticketqueue;

import static io.gatling.javaapi.core.CoreDsl.asLongAs;
import static io.gatling.javaapi.core.CoreDsl.doIf;
import static io.gatling.javaapi.core.CoreDsl.exec;
import static io.gatling.javaapi.core.CoreDsl.pause;
import static io.gatling.javaapi.http.HttpDsl.header;
import static io.gatling.javaapi.http.HttpDsl.status;

import io.gatling.http.response.Response;
import io.gatling.javaapi.core.ChainBuilder;
import io.gatling.javaapi.core.CheckBuilder;
import io.gatling.javaapi.core.Session;
import io.gatling.javaapi.http.HttpRequestActionBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Requests of buyers who do as they are told: asked for patience, they wait for {@code Retry-After} and ask again. */
final class Polite {
    /** The seconds that the last reply asked for, if it did. */
    private static final String WAIT = "wait";

    private Polite() {}

    /** A request of the buyer, repeated until it is answered with one of these, or fails. */
    static ChainBuilder ask(HttpRequestActionBuilder request, List<Integer> answers, CheckBuilder... checks) {
        return exec(session -> session.set(WAIT, 0))
                .exec(asLongAs(session -> session.contains(WAIT) && !session.isFailed())
                        .on(waitAsTold(), exec(once(request, answers, checks))))
                .exitHereIfFailed();
    }

    /** The same once; whoever wants to, asks again later. */
    static HttpRequestActionBuilder once(HttpRequestActionBuilder request, List<Integer> answers, CheckBuilder... checks) {
        List<Integer> expected = new ArrayList<>(answers);
        expected.addAll(Settings.waits());
        return request.header("Authorization", "Bearer #{accessToken}")
                .check(status().in(expected))
                .checkIf((Response response, Session session) -> Settings.waits().contains(response.status().code()))
                .then(header("Retry-After").find().transform(Integer::valueOf).saveAs(WAIT))
                .checkIf((Response response, Session session) -> answers.contains(response.status().code()))
                .then(checks);
    }

    /** Waits if the last reply asked for patience. */
    private static ChainBuilder waitAsTold() {
        return exec(doIf(session -> session.getInt(WAIT) > 0).then(pause(session -> Duration.ofSeconds(session.getInt(WAIT)))))
                .exec(session -> session.remove(WAIT));
    }
}
