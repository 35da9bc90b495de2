package ticketqueue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What a run can be told with {@code -Dname=value}, and where the system is.
 *
 * <p>Addresses and the administrator's login come from the file that {@code cargo xtask up} writes ({@code -Dstate=}), unless
 * they are given one by one. {@code -Dshort=true} chooses small numbers, and patience.
 */
final class Settings {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final boolean SHORT = Boolean.getBoolean("short");
    private static final double PATIENCE = Double.parseDouble(text("patience", SHORT ? "30" : "1"));
    private static final JsonNode STATE = state();

    private Settings() {}

    static String gateway() {
        return text("baseUrl", STATE.path("gateway").asText("http://127.0.0.1:8080"));
    }

    /** The stand-ins of the providers: they play the buyers' payment window, and check identities. */
    static String simulators() {
        return text("simulatorsUrl", STATE.path("simulators").asText("http://127.0.0.1:8090"));
    }

    static String adminEmail() {
        return text("adminEmail", STATE.at("/admin/email").asText());
    }

    static String adminPassword() {
        return text("adminPassword", STATE.at("/admin/password").asText());
    }

    /**
     * How many milliseconds a P95 may have: the criterion times {@code -Dpatience}, which is 1 where it is worth measuring.
     * Builds without optimisation on a busy machine are slower, and no less exact.
     */
    static int within(int milliseconds) {
        return (int) Math.round(milliseconds * PATIENCE);
    }

    /**
     * Answers that ask for patience: whoever gets one waits as told and asks again. 429 is by design. 503 with Retry-After is
     * a failure where it is worth measuring; with patience it is not, for there a call between two services may take too long.
     */
    static List<Integer> waits() {
        return PATIENCE > 1 ? List.of(429, 503) : List.of(429);
    }

    static int number(String name, int usual, int inShort) {
        return (int) fraction(name, usual, inShort);
    }

    static double fraction(String name, double usual, double inShort) {
        return Double.parseDouble(text(name, Double.toString(SHORT ? inShort : usual)));
    }

    static String text(String name, String usual) {
        return System.getProperty(name, usual);
    }

    private static JsonNode state() {
        Path file = Path.of(text("state", "../.dev/state.json"));
        try {
            return Files.exists(file) ? JSON.readTree(Files.readString(file)) : JSON.createObjectNode();
        } catch (IOException error) {
            throw new IllegalStateException("cannot read " + file, error);
        }
    }
}
