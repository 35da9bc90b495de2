package ticketqueue;

import static io.gatling.javaapi.core.CoreDsl.atOnceUsers;
import static io.gatling.javaapi.core.CoreDsl.bodyString;
import static io.gatling.javaapi.core.CoreDsl.details;
import static io.gatling.javaapi.core.CoreDsl.doIfOrElse;
import static io.gatling.javaapi.core.CoreDsl.feed;
import static io.gatling.javaapi.core.CoreDsl.global;
import static io.gatling.javaapi.core.CoreDsl.rampUsers;
import static io.gatling.javaapi.core.CoreDsl.scenario;
import static io.gatling.javaapi.http.HttpDsl.http;
import static io.gatling.javaapi.http.HttpDsl.status;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.gatling.javaapi.core.Assertion;
import io.gatling.javaapi.core.ScenarioBuilder;
import io.gatling.javaapi.core.Session;
import io.gatling.javaapi.core.Simulation;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A crowd comes in the same seconds and waits: {@code -Dusers} arrive within {@code -Darrival} seconds and ask as told for
 * {@code -Dduration} seconds, some of them by a stream ({@code -Dstreams}, a share), while {@code -Dadmissions} a second are
 * let in.
 */
public class QueueSimulation extends Simulation {
    private static final String REFEREE = "the line's own count";
    /** How many seconds' worth of admissions the line may save up, and one for the tick. */
    private static final int BURST_SECONDS = 3;

    private final int users = Settings.number("users", 50_000, 100);
    private final int arrival = Settings.number("arrival", 10, 2);
    private final Duration duration = Duration.ofSeconds(Settings.number("duration", 120, 8));
    private final double streams = Settings.fraction("streams", 0.02, 0.1);
    private final int admissions = Settings.number("admissions", 10, 10);

    private final Buyers buyers = Buyers.gather(users);
    private final Backstage.Sale sale = Backstage.open(Settings.number("seats", 3_000, 200), admissions);
    private final Line line = new Line(sale.eventId());
    private final AtomicInteger entered = new AtomicInteger();

    {
        ScenarioBuilder crowd = scenario("a crowd waits")
                .exec(feed(buyers.feeder()), line.enter())
                .exec(session -> {
                    entered.incrementAndGet();
                    return session;
                })
                .exec(doIfOrElse(this::watches).then(line.watch(duration)).orElse(line.poll(duration)));

        ScenarioBuilder referee = scenario("the referee counts")
                .exec(http(REFEREE)
                        .get("/queue/admin/stats")
                        .queryParam("eventId", sale.eventId())
                        .header("Authorization", "Bearer " + sale.adminToken())
                        .check(status().is(200))
                        .check(bodyString().validate("nobody is lost, and none too many are admitted", this::judge)));

        List<Assertion> criteria = new ArrayList<>(List.of(
                details(Line.ENTER).responseTime().percentile(95).lt(Settings.within(100)),
                details(Line.POLL).responseTime().percentile(95).lt(Settings.within(50)),
                details(REFEREE).failedRequests().count().is(0L),
                global().failedRequests().percent().lte(0.1)));

        setUp(crowd.injectOpen(rampUsers(users).during(arrival)).andThen(referee.injectOpen(atOnceUsers(1))))
                .protocols(Gateway.protocol())
                .maxDuration(duration.plusSeconds(arrival).multipliedBy(2).plusSeconds(60))
                .assertions(criteria);
    }

    @Override
    public void after() {
        Backstage.close(sale);
    }

    /** Every so-maniest buyer, so that a run can be repeated. */
    private boolean watches(Session session) {
        int index = session.getInt("index");
        return Math.floor((index + 1) * streams) > Math.floor(index * streams);
    }

    private String judge(String body, Session session) {
        JsonNode stats = parse(body);
        long waiting = stats.get("waiting").asLong();
        long active = stats.get("active").asLong();
        long gone = stats.get("expired").asLong() + stats.get("left").asLong();
        if (waiting + active + gone != entered.get() || stats.get("evicted").asLong() > 0) {
            throw new IllegalStateException(entered.get() + " entered, and the line says " + body);
        }
        long seconds = Duration.between(sale.openedAt(), Instant.now()).toSeconds() + BURST_SECONDS;
        if (stats.get("admitted").asLong() > seconds * admissions) {
            throw new IllegalStateException("too many admissions for " + seconds + " s: " + body);
        }
        return body;
    }

    private static JsonNode parse(String body) {
        try {
            return Settings.JSON.readTree(body);
        } catch (JsonProcessingException error) {
            throw new IllegalStateException(error);
        }
    }
}
