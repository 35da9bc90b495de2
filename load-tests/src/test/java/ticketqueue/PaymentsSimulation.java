package ticketqueue;

import static io.gatling.javaapi.core.CoreDsl.StringBody;
import static io.gatling.javaapi.core.CoreDsl.asLongAs;
import static io.gatling.javaapi.core.CoreDsl.atOnceUsers;
import static io.gatling.javaapi.core.CoreDsl.constantUsersPerSec;
import static io.gatling.javaapi.core.CoreDsl.details;
import static io.gatling.javaapi.core.CoreDsl.dummy;
import static io.gatling.javaapi.core.CoreDsl.exec;
import static io.gatling.javaapi.core.CoreDsl.feed;
import static io.gatling.javaapi.core.CoreDsl.global;
import static io.gatling.javaapi.core.CoreDsl.jmesPath;
import static io.gatling.javaapi.core.CoreDsl.scenario;
import static io.gatling.javaapi.http.HttpDsl.http;
import static io.gatling.javaapi.http.HttpDsl.status;

import io.gatling.javaapi.core.ChainBuilder;
import io.gatling.javaapi.core.ScenarioBuilder;
import io.gatling.javaapi.core.Simulation;
import io.gatling.javaapi.http.HttpRequestActionBuilder;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Whether money keeps up with admission: {@code -Drate} buyers a second come for {@code -Dduration} seconds; each holds a seat
 * of its own, pays in the simulated window, confirms, and sees the reservation CONFIRMED. All must get there.
 */
public class PaymentsSimulation extends Simulation {
    private static final String HOLD = "hold a seat";
    private static final String CREATE = "create a payment";
    private static final String WINDOW = "(pay in PortOne's window)";
    private static final String CONFIRM = "confirm the payment";
    private static final String WAIT = "wait for the reservation";
    private static final String CONFIRMED = "the reservation is CONFIRMED";
    private static final String SOLD = "every payment is a booking, and no seat is sold besides";

    private final double rate = Settings.fraction("rate", 10, 3);
    private final int duration = Settings.number("duration", 60, 5);
    private final int users = (int) Math.ceil(rate * duration);

    private final Buyers buyers = Buyers.gather(users);
    // As many again, so that the last buyers are let in too: there are never more inside than unsold seats.
    private final Backstage.Sale sale = Backstage.open(2 * users, 10_000);
    private final Line line = new Line(sale.eventId());
    private final AtomicInteger confirmed = new AtomicInteger();

    {
        ScenarioBuilder buyersPay = scenario("buyers pay")
                .exec(feed(buyers.feeder()), line.enter(), line.poll(Duration.ofSeconds(60)))
                .exec(session -> session.set("seat", sale.seatIds().get(session.getInt("index")))
                        .set("paymentKey", UUID.randomUUID().toString())
                        .set("status", "PENDING"))
                .exec(hold(), create(), exec(window()), confirm())
                .exitHereIfFailed()
                .exec(waitForTheReservation())
                .exec(dummy(CONFIRMED, 0).withSuccess(session -> "CONFIRMED".equals(session.getString("status"))))
                .exec(session -> {
                    confirmed.incrementAndGet();
                    return session;
                });
        ScenarioBuilder referee = scenario("the referee looks")
                .exec(http(SOLD)
                        .get("/reservations/seats/" + sale.eventId())
                        .header("Authorization", "Bearer " + sale.adminToken())
                        .check(status().is(200))
                        .check(jmesPath("length(seats[?status == 'SOLD'])").ofInt().is(session -> confirmed.get()))
                        .check(jmesPath("length(seats[?status == 'HOLD'])").ofInt().is(0)));

        setUp(buyersPay.injectOpen(constantUsersPerSec(rate).during(duration)).andThen(referee.injectOpen(atOnceUsers(1))))
                .protocols(Gateway.protocol())
                .maxDuration(Duration.ofSeconds(duration + 180))
                .assertions(
                        details(CONFIRMED).successfulRequests().count().is((long) users),
                        details(SOLD).failedRequests().count().is(0L),
                        details(HOLD).responseTime().percentile(95).lt(Settings.within(200)),
                        details(CREATE).responseTime().percentile(95).lt(Settings.within(300)),
                        details(CONFIRM).responseTime().percentile(95).lt(Settings.within(500)),
                        details(WAIT).responseTime().percentile(95).lt(Settings.within(2_000)),
                        global().failedRequests().count().is(0L));
    }

    @Override
    public void after() {
        Backstage.call("PUT", "/queue/admin/events/" + sale.eventId(), sale.adminToken(), Backstage.object().put("paused", true), 200);
        Backstage.awaitEmptyLine(sale);
    }

    private ChainBuilder hold() {
        HttpRequestActionBuilder request = http(HOLD)
                .post("/reservations/hold")
                .header("X-Queue-Token", "#{queueToken}")
                .body(StringBody("{\"eventId\":\"" + sale.eventId() + "\",\"seatIds\":[\"#{seat}\"]}"))
                .asJson();
        // Asked again after a lost reply, the answer is 200.
        return Polite.ask(
                request,
                List.of(200, 201),
                jmesPath("reservationId").saveAs("reservationId"),
                jmesPath("paymentToken").saveAs("payToken"));
    }

    private static ChainBuilder create() {
        HttpRequestActionBuilder request = http(CREATE)
                .post("/payments")
                .header("X-Queue-Token", "#{payToken}")
                .body(StringBody(
                        "{\"reservationId\":\"#{reservationId}\",\"paymentKey\":\"#{paymentKey}\",\"paymentMethod\":\"CARD\"}"))
                .asJson();
        return Polite.ask(request, List.of(200, 201), jmesPath("checkout.paymentId").saveAs("checkout"));
    }

    private static HttpRequestActionBuilder window() {
        return http(WINDOW)
                .post(Settings.simulators() + "/control/portone/payments/#{checkout}/window")
                .body(StringBody("{\"outcome\":\"PAY\"}"))
                .asJson()
                .check(status().is(200))
                .check(jmesPath("paymentToken").saveAs("paymentToken"));
    }

    /** 202 means that the outcome is not known yet, and is no error: the reservation tells it. */
    private static ChainBuilder confirm() {
        HttpRequestActionBuilder request = http(CONFIRM)
                .post("/payments/confirm")
                .body(StringBody("{\"paymentKey\":\"#{paymentKey}\",\"paymentToken\":\"#{paymentToken}\"}"))
                .asJson();
        return Polite.ask(request, List.of(200, 202));
    }

    /** The call waits itself; each turn is ten seconds at most. */
    private static ChainBuilder waitForTheReservation() {
        HttpRequestActionBuilder request = http(WAIT).get("/reservations/#{reservationId}?wait=10");
        return asLongAs(session -> "PENDING".equals(session.getString("status")) && session.getInt("turn") < 12, "turn")
                .on(Polite.ask(request, List.of(200), jmesPath("status").saveAs("status")));
    }
}
