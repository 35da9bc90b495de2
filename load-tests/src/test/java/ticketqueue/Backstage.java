package ticketqueue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** What is done before and after the load, and not measured: an administrator prepares a sale and ends it. */
final class Backstage {
    private static final int SEATS_PER_ROW = 50;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();

    private Backstage() {}

    /** An event on sale. */
    record Sale(String adminToken, String eventId, List<String> seatIds, Instant openedAt) {}

    /**
     * Opens a sale of at least so many seats.
     *
     * @param admissionsPerSecond how many its waiting line admits; all of them may be inside at once
     */
    static Sale open(int seats, int admissionsPerSecond) {
        String token = signIn(Settings.adminEmail(), Settings.adminPassword());
        String mark = UUID.randomUUID().toString().substring(0, 8);

        ObjectNode venue = object().put("name", "Load " + mark).put("address", "1 Test Street").put("city", "Seoul");
        String venueId = post("/venues", token, venue, 201).get("id").asText();

        ObjectNode template = object().put("seatsPerRow", SEATS_PER_ROW);
        ObjectNode grades = object();
        for (int row = 1; row <= (seats + SEATS_PER_ROW - 1) / SEATS_PER_ROW; row++) {
            template.withArray("rows").add("R" + row);
            grades.put("R" + row, "S");
        }
        template.set("gradeMapping", grades);
        ObjectNode hall = object().put("name", "Hall");
        hall.set("seatTemplate", template);
        String hallId = post("/venues/" + venueId + "/halls", token, hall, 201).get("id").asText();

        Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        ObjectNode event = object()
                .put("title", "Load " + mark)
                .put("artist", "Nobody")
                .put("hallId", hallId)
                .put("eventStartAt", now.plus(30, ChronoUnit.DAYS).toString())
                .put("eventEndAt", now.plus(31, ChronoUnit.DAYS).toString())
                .put("saleStartAt", now.minus(1, ChronoUnit.MINUTES).toString())
                .put("saleEndAt", now.plus(20, ChronoUnit.DAYS).toString());
        event.set("prices", object().put("S", 100_000));
        String eventId = post("/events", token, event, 201).get("id").asText();

        ObjectNode line = object().put("admissionPerSecond", admissionsPerSecond).put("maxActive", 1_000_000);
        call("PUT", "/queue/admin/events/" + eventId, token, line, 200);

        List<String> seatIds = new ArrayList<>();
        JsonNode map = call("GET", "/reservations/seats/" + eventId, token, null, 200);
        map.get("seats").forEach(seat -> seatIds.add(seat.get("id").asText()));
        return new Sale(token, eventId, seatIds, Instant.now());
    }

    /** Cancels the event: places, tokens and bookings of this run end, and the same buyers can go to the next sale. */
    static void close(Sale sale) {
        ObjectNode reason = object().put("reason", "the load test is over");
        call("POST", "/events/" + sale.eventId() + "/cancel", sale.adminToken(), reason, 202);
        awaitEmptyLine(sale);
    }

    /**
     * Waits until nobody has a place in the sale's line any more: places end by messages, a moment after what ends them, and who
     * still has one cannot enter the line of the next sale. Gives up after a while; the next simulation tells of it then.
     */
    static void awaitEmptyLine(Sale sale) {
        Instant end = Instant.now().plus(PATIENCE);
        while (Instant.now().isBefore(end)) {
            JsonNode line = call("GET", "/queue/admin/stats?eventId=" + sale.eventId(), sale.adminToken(), null, 200);
            if (line.get("waiting").asLong() + line.get("active").asLong() == 0) {
                return;
            }
            try {
                Thread.sleep(200);
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** Signs somebody in and returns the access token. */
    static String signIn(String email, String password) {
        ObjectNode login = object().put("email", email).put("password", password).put("captchaToken", captcha());
        return post("/auth/login", null, login, 200).get("accessToken").asText();
    }

    /** A captcha that the simulators let pass once. */
    static String captcha() {
        return "sim-pass-" + UUID.randomUUID();
    }

    static ObjectNode object() {
        return Settings.JSON.createObjectNode();
    }

    static JsonNode post(String path, String token, JsonNode body, int expected) {
        return call("POST", path, token, body, expected);
    }

    /** Calls the gateway, or another server if the path is a whole address. */
    static JsonNode call(String method, String path, String token, JsonNode body, int expected) {
        String url = path.startsWith("http") ? path : Settings.gateway() + path;
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE);
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        if (body == null) {
            request.method(method, HttpRequest.BodyPublishers.noBody());
        } else {
            request.header("Content-Type", "application/json");
            request.method(method, HttpRequest.BodyPublishers.ofString(body.toString()));
        }
        try {
            HttpResponse<String> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != expected) {
                throw new IllegalStateException(
                        method + " " + path + " answered " + response.statusCode() + ", not " + expected + ": " + response.body());
            }
            return response.body().isEmpty() ? object() : Settings.JSON.readTree(response.body());
        } catch (IOException error) {
            throw new IllegalStateException(method + " " + url + " failed; does the system run (cargo xtask up)?", error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(error);
        }
    }
}
