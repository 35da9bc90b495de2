package ticketqueue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;

/**
 * The people of a run, each with an access token.
 *
 * <p>{@code -Dbuyers=<file>} names a file with one token a line, as {@code cargo xtask load} writes it. Without a file as many
 * as are needed register and log in, which costs two bcrypt hashes each: good for hundreds, not for 50,000.
 */
final class Buyers {
    private final List<String> tokens;

    private Buyers(List<String> tokens) {
        this.tokens = tokens;
    }

    static Buyers gather(int count) {
        String file = Settings.text("buyers", "");
        List<String> tokens = file.isEmpty() ? register(count) : read(Path.of(file));
        if (tokens.size() < count) {
            throw new IllegalStateException(file + " has " + tokens.size() + " buyers, and " + count + " are needed");
        }
        return new Buyers(tokens.subList(0, count));
    }

    /** One buyer after the other, with an index from 0; the users of a simulation never outnumber them. */
    Iterator<Map<String, Object>> feeder() {
        return IntStream.range(0, tokens.size())
                .<Map<String, Object>>mapToObj(index -> Map.of("index", index, "accessToken", tokens.get(index)))
                .iterator();
    }

    private static List<String> read(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException error) {
            throw new IllegalStateException("cannot read " + file, error);
        }
    }

    private static List<String> register(int count) {
        JsonNode terms = Backstage.call("GET", "/terms", null, null, 200);
        String run = UUID.randomUUID().toString().substring(0, 8);
        return new ArrayList<>(IntStream.range(0, count)
                .parallel()
                .mapToObj(number -> register(terms, run + "-" + number))
                .toList());
    }

    private static String register(JsonNode terms, String name) {
        String phone = String.format("010%08d", Math.floorMod(UUID.randomUUID().getLeastSignificantBits(), 100_000_000L));
        ObjectNode person = Backstage.object().put("name", "Load Tester").put("phone", phone).put("birthDate", "1995-05-05");
        String control = Settings.simulators() + "/control/identity-verifications";
        String identity = Backstage.post(control, null, person, 201).get("identityVerificationId").asText();

        String email = "load-" + name + "@example.com";
        String password = "Load-" + UUID.randomUUID();
        ObjectNode account = Backstage.object()
                .put("email", email)
                .put("password", password)
                .put("name", "Load Tester")
                .put("phone", phone)
                .put("captchaToken", Backstage.captcha())
                .put("identityVerificationId", identity);
        for (JsonNode one : terms) {
            ObjectNode agreement = account.withArray("agreements").addObject();
            agreement.set("type", one.get("type"));
            agreement.set("version", one.get("version"));
            agreement.put("agreed", true);
        }
        Backstage.post("/auth/register", null, account, 201);
        return Backstage.signIn(email, password);
    }
}
