package ticketqueue;

import static io.gatling.javaapi.core.CoreDsl.StringBody;
import static io.gatling.javaapi.core.CoreDsl.atOnceUsers;
import static io.gatling.javaapi.core.CoreDsl.details;
import static io.gatling.javaapi.core.CoreDsl.doIf;
import static io.gatling.javaapi.core.CoreDsl.dummy;
import static io.gatling.javaapi.core.CoreDsl.exec;
import static io.gatling.javaapi.core.CoreDsl.feed;
import static io.gatling.javaapi.core.CoreDsl.global;
import static io.gatling.javaapi.core.CoreDsl.jmesPath;
import static io.gatling.javaapi.core.CoreDsl.rendezVous;
import static io.gatling.javaapi.core.CoreDsl.scenario;
import static io.gatling.javaapi.http.HttpDsl.http;
import static io.gatling.javaapi.http.HttpDsl.status;

import io.gatling.javaapi.core.ChainBuilder;
import io.gatling.javaapi.core.CheckBuilder;
import io.gatling.javaapi.core.ScenarioBuilder;
import io.gatling.javaapi.core.Simulation;
import io.gatling.javaapi.http.HttpRequestActionBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;

/**
 * Many want the same few seats at the same moment: {@code -Dusers} buyers reach for {@code -Dcontested} seats, each for one,
 * in {@code -Drounds} rounds. In each round every seat must have exactly one winner; everybody else is told 409. Winners give
 * their seat back for the next round; in the last one they keep it, and the map must show exactly these seats as held.
 */
public class SeatsSimulation extends Simulation {
    private static final String MAP = "see the seat map";
    private static final String HOLD = "reach for a seat";
    private static final String RELEASE = "give the seat back";
    private static final String ONE_WINNER = "every seat has one winner";
    private static final String HELD = "the map shows what was won";

    private final int users = Settings.number("users", 1_000, 30);
    private final int contested = Math.min(Settings.number("contested", 50, 6), users);
    private final int rounds = Settings.number("rounds", 5, 3);
    private final long seed = Settings.number("seed", 1, 1);

    private final Buyers buyers = Buyers.gather(users);
    // No more buyers are inside than there are unsold seats, so there is one for each, though only a few are wanted.
    private final Backstage.Sale sale = Backstage.open(users, 10_000);
    private final Line line = new Line(sale.eventId());
    /** Winners by round and seat. */
    private final List<AtomicIntegerArray> winners =
            IntStream.range(0, rounds).mapToObj(round -> new AtomicIntegerArray(contested)).toList();

    {
        ChainBuilder race = exec(line.enter(), line.poll(Duration.ofSeconds(60)), map());
        for (int round = 0; round < rounds; round++) {
            race = race.exec(reach(round));
        }

        ScenarioBuilder buyersRace = scenario("buyers race").exec(feed(buyers.feeder()), race);
        ScenarioBuilder referee = scenario("the referee looks")
                .exec(dummy(ONE_WINNER, 0).withSuccess(session -> winners.stream().allMatch(this::oneEach)))
                .exec(http(HELD)
                        .get("/reservations/seats/" + sale.eventId())
                        .header("Authorization", "Bearer " + sale.adminToken())
                        .check(status().is(200))
                        .check(jmesPath("seats[?status != 'AVAILABLE'].id | sort(@)").ofList().is(wanted()))
                        .check(jmesPath("length(seats[?status == 'HOLD'])").ofInt().is(contested)));

        setUp(buyersRace.injectOpen(atOnceUsers(users)).andThen(referee.injectOpen(atOnceUsers(1))))
                .protocols(Gateway.protocol())
                .maxDuration(Duration.ofSeconds(Settings.number("duration", 300, 120)))
                .assertions(
                        details(ONE_WINNER).failedRequests().count().is(0L),
                        details(HELD).failedRequests().count().is(0L),
                        details(MAP).responseTime().percentile(95).lt(Settings.within(300)),
                        details(HOLD).responseTime().percentile(95).lt(Settings.within(500)),
                        details(RELEASE).responseTime().percentile(95).lt(Settings.within(500)),
                        global().failedRequests().count().is(0L));
    }

    @Override
    public void after() {
        Backstage.close(sale);
    }

    private ChainBuilder map() {
        HttpRequestActionBuilder request = http(MAP).get("/reservations/seats/" + sale.eventId());
        return Polite.ask(request, List.of(200), jmesPath("length(seats)").ofInt().is(sale.seatIds().size()));
    }

    /** All reach at once; only after the last one has been answered is anything given back. */
    private ChainBuilder reach(int round) {
        List<Integer> choice = choices(round);
        ChainBuilder reach = rendezVous(users)
                .exec(session -> {
                    int seat = choice.get(session.getInt("index"));
                    String body = "{\"eventId\":\"" + sale.eventId() + "\",\"seatIds\":[\"" + sale.seatIds().get(seat) + "\"]}";
                    return session.set("seat", seat).set("wish", body).remove("reservationId");
                })
                .exec(Polite.ask(hold(), List.of(201, 409), outcome()))
                .exec(session -> {
                    if (session.contains("reservationId")) {
                        winners.get(round).incrementAndGet(session.getInt("seat"));
                    }
                    return session;
                })
                .exec(rendezVous(users));
        return round == rounds - 1 ? reach : reach.exec(doIf(session -> session.contains("reservationId")).then(release()));
    }

    private static HttpRequestActionBuilder hold() {
        return http(HOLD)
                .post("/reservations/hold")
                .header("X-Queue-Token", "#{queueToken}")
                .body(StringBody("#{wish}"))
                .asJson();
    }

    /** 409 SEAT_UNAVAILABLE is how one loses, and no error; any other refusal is. */
    private static CheckBuilder[] outcome() {
        return new CheckBuilder[] {
            jmesPath("reservationId").optional().saveAs("reservationId"),
            jmesPath("code || 'WON'").in("WON", "SEAT_UNAVAILABLE")
        };
    }

    private static ChainBuilder release() {
        return Polite.ask(http(RELEASE).delete("/reservations/hold/#{reservationId}"), List.of(204));
    }

    /** Which seat each buyer reaches for: every contested seat is somebody's, and the rivals are others in each round. */
    private List<Integer> choices(int round) {
        List<Integer> choices = new ArrayList<>(IntStream.range(0, users).mapToObj(buyer -> buyer % contested).toList());
        Collections.shuffle(choices, new Random(seed + round));
        return choices;
    }

    private boolean oneEach(AtomicIntegerArray round) {
        return IntStream.range(0, contested).allMatch(seat -> round.get(seat) == 1);
    }

    private List<Object> wanted() {
        return new ArrayList<>(sale.seatIds().subList(0, contested).stream().sorted().toList());
    }
}
