package ticketqueue;

import static io.gatling.javaapi.core.CoreDsl.StringBody;
import static io.gatling.javaapi.core.CoreDsl.asLongAs;
import static io.gatling.javaapi.core.CoreDsl.exec;
import static io.gatling.javaapi.core.CoreDsl.jmesPath;
import static io.gatling.javaapi.core.CoreDsl.pause;
import static io.gatling.javaapi.core.CoreDsl.regex;
import static io.gatling.javaapi.http.HttpDsl.http;
import static io.gatling.javaapi.http.HttpDsl.sse;

import io.gatling.javaapi.core.ChainBuilder;
import io.gatling.javaapi.core.CheckBuilder;
import io.gatling.javaapi.core.Session;
import io.gatling.javaapi.http.HttpRequestActionBuilder;
import java.time.Duration;
import java.util.List;

/**
 * How buyers pass the waiting line of an event: they enter, then ask again when told to, with the newest ticket. Who was
 * admitted has a {@code queueToken}.
 */
record Line(String eventId) {
    static final String ENTER = "enter the line";
    static final String POLL = "ask for the place";
    static final String STREAM = "open a stream";

    ChainBuilder enter() {
        String body = Backstage.object().put("eventId", eventId).toString();
        HttpRequestActionBuilder request = http(ENTER).post("/queue/enter").body(StringBody(body)).asJson();
        return Polite.ask(request, List.of(200), place());
    }

    /** Asks for the place until admitted, at most for so long. */
    ChainBuilder poll(Duration patience) {
        HttpRequestActionBuilder request =
                http(POLL).get("/queue/status").queryParam("eventId", eventId).header("X-Queue-Ticket", "#{ticket}");
        return exec(session -> session.set("givesUpAt", System.nanoTime() + patience.toNanos()))
                .exec(asLongAs(session -> !isAdmitted(session) && System.nanoTime() < session.getLong("givesUpAt"))
                        .on(
                                pause(session -> Duration.ofSeconds(session.getInt("pollAfterSeconds"))),
                                exec(Polite.once(request, List.of(200), place()))));
    }

    /** Watches a stream for so long instead of asking: its first word must come at once. */
    ChainBuilder watch(Duration patience) {
        return exec(sse(STREAM)
                        .get("/queue/stream")
                        .queryParam("eventId", eventId)
                        .header("Authorization", "Bearer #{accessToken}")
                        .header("X-Queue-Ticket", "#{ticket}")
                        .await(Settings.within(1_000) / 1_000)
                        .on(sse.checkMessage("the stream's first word").check(regex("WAITING|ADMITTED"))))
                .pause(patience)
                .exec(sse("close the stream").close());
    }

    private static boolean isAdmitted(Session session) {
        return "ADMITTED".equals(session.getString("place"));
    }

    /** What a buyer keeps of a QueueStatus. */
    private static CheckBuilder[] place() {
        return new CheckBuilder[] {
            jmesPath("status").saveAs("place"),
            jmesPath("queueTicket").saveAs("ticket"),
            jmesPath("pollAfterSeconds").ofInt().saveAs("pollAfterSeconds"),
            // Null once admitted, which is in front of everybody.
            jmesPath("position || `0`").ofInt().validate("nobody is overtaken", Line::neverFurtherBack).saveAs("position"),
            jmesPath("queueToken || ''").saveAs("queueToken")
        };
    }

    private static Integer neverFurtherBack(Integer position, Session session) {
        if (session.contains("position") && position > session.getInt("position")) {
            throw new IllegalStateException("place " + position + " after place " + session.getInt("position"));
        }
        return position;
    }
}
