package peer;

import com.nimbusds.jose.crypto.MACVerifier;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.gateway.filter.GatewayFilterChain;
import org.springframework.cloud.gateway.filter.GlobalFilter;
import org.springframework.cloud.gateway.route.RouteLocator;
import org.springframework.cloud.gateway.route.builder.RouteLocatorBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.data.redis.core.ReactiveStringRedisTemplate;
import org.springframework.data.redis.core.script.RedisScript;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/** Passes everything on to one service; each request needs a good token that is not revoked and within its limit. */
@SpringBootApplication
public class Gateway {
    public static void main(String[] arguments) {
        SpringApplication.run(Gateway.class, arguments);
    }

    @Bean
    RouteLocator routes(RouteLocatorBuilder routes) {
        return routes.routes().route(all -> all.path("/**").uri(System.getenv("UPSTREAM"))).build();
    }

    @Bean
    GlobalFilter check(ReactiveStringRedisTemplate redis) throws Exception {
        return new Check(redis);
    }

    static class Check implements GlobalFilter, Ordered {
        private final ReactiveStringRedisTemplate redis;
        private final MACVerifier verifier = new MACVerifier(System.getenv("JWT_SECRET"));
        private final RedisScript<List> gcra = RedisScript.of(System.getenv("GCRA"), List.class);

        Check(ReactiveStringRedisTemplate redis) throws Exception {
            this.redis = redis;
        }

        @Override
        public int getOrder() {
            return -100;
        }

        @Override
        public Mono<Void> filter(ServerWebExchange exchange, GatewayFilterChain chain) {
            try {
                String header = exchange.getRequest().getHeaders().getFirst(HttpHeaders.AUTHORIZATION);
                if (header == null || !header.startsWith("Bearer ")) {
                    return refuse(exchange, HttpStatus.UNAUTHORIZED);
                }
                String token = header.substring(7);
                SignedJWT jwt = SignedJWT.parse(token);
                JWTClaimsSet claims = jwt.getJWTClaimsSet();
                boolean good = jwt.verify(verifier)
                    && "ticket-queue".equals(claims.getIssuer())
                    && claims.getAudience().contains("ticket-queue-api")
                    && "access".equals(claims.getStringClaim("typ"))
                    && claims.getExpirationTime().after(new Date());
                if (!good) {
                    return refuse(exchange, HttpStatus.UNAUTHORIZED);
                }
                byte[] digest = MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.US_ASCII));
                Mono<Boolean> revoked = redis.hasKey("token:blacklist:" + HexFormat.of().formatHex(digest));
                Mono<Boolean> ended = redis.hasKey("token:blacklist:sid:" + claims.getStringClaim("sid"));
                Mono<List> limit = redis
                    .execute(gcra, List.of("ratelimit:spring:user:" + claims.getSubject()), List.of("30", "60000000"))
                    .next();
                return Mono.zip(revoked, ended, limit).flatMap(answers -> {
                    if (answers.getT1() || answers.getT2()) {
                        return refuse(exchange, HttpStatus.UNAUTHORIZED);
                    }
                    if (!Long.valueOf(1).equals(answers.getT3().get(0))) {
                        return refuse(exchange, HttpStatus.TOO_MANY_REQUESTS);
                    }
                    return chain.filter(exchange);
                });
            } catch (Exception error) {
                return refuse(exchange, HttpStatus.UNAUTHORIZED);
            }
        }

        private static Mono<Void> refuse(ServerWebExchange exchange, HttpStatus status) {
            exchange.getResponse().setStatusCode(status);
            return exchange.getResponse().setComplete();
        }
    }
}
