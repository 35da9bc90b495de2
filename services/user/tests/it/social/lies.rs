use super::{Page, done};
use crate::{helpers::World, logs};
use serde_json::json;

impl World {
    async fn lie(&self, provider: &str, lie: &str) {
        self.faults(&json!({ provider: { "lies": [lie] } })).await;
    }

    async fn no_lies(&self) {
        self.faults(&json!({})).await;
    }
}

/// One thread, so that the log is this test's: each lie is seen for what it is.
async fn is_believed_nothing(provider: &str, lies: &[(&str, &str)]) {
    // The breaker would open before the last of them.
    let world = World::start_with(&[("PROVIDER_PAUSE_SECONDS", "0")]).await;
    for (lie, reason) in lies {
        let page = Page::new(&world);
        let back = page.go(provider).await;
        world.lie(provider, lie).await;
        logs::catch();
        let reply = page.come_back(provider, &back).await;
        assert!(reply.header("retry-after").is_some(), "{lie}");
        let problem = reply.expect_problem(503, "SERVICE_UNAVAILABLE");
        assert!(problem.get("detail").is_none(), "it says why: {problem}");
        let log = logs::caught();
        assert!(log.contains(reason), "{lie}: {log}");
    }
    world.no_lies().await;
    done(Page::new(&world).sign_in(provider).await, 200);
}

#[tokio::test]
async fn an_id_token_that_is_not_this_logins_is_not_believed() {
    is_believed_nothing(
        "google",
        &[
            ("WRONG_AUDIENCE", "InvalidAudience"),
            ("MANY_AUDIENCES", "is for somebody else"),
            ("WRONG_AZP", "is for somebody else"),
            ("WRONG_ISSUER", "InvalidIssuer"),
            ("WRONG_NONCE", "is of another login"),
            ("NO_NONCE", "is of another login"),
            ("EXPIRED", "has expired"),
            ("STRING_EXPIRY", "is not valid"),
            ("OLD", "is of another time"),
            ("FROM_THE_FUTURE", "is of another time"),
            ("WRONG_AT_HASH", "is of another access token"),
            ("NO_SUBJECT", "its id of the person is none"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_id_token_that_is_not_signed_with_a_published_key_is_not_believed() {
    is_believed_nothing(
        "kakao",
        &[
            ("UNKNOWN_KID", "signed with an unknown key"),
            ("NO_KID", "names no key"),
            ("ALG_NONE", "its ID token cannot be read"),
            ("ALG_HS256", "not signed with RS256"),
            ("WRONG_SIGNATURE", "InvalidSignature"),
            ("CRITICAL_HEADER", "not signed with RS256"),
            ("NO_ID_TOKEN", "there is no ID token"),
            // Google alone may write its name this way.
            ("BARE_ISSUER", "InvalidIssuer"),
            ("OTHER_SUBJECT", "of somebody else than its ID token"),
            ("PROFILE_REFUSED", "status 401"),
            ("CLIENT_REFUSED", "does not accept our registration"),
            ("REDIRECT_URI_REFUSED", "does not accept our registration"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_token_endpoint_that_says_anything_else_is_not_believed() {
    is_believed_nothing(
        "naver",
        &[
            ("GARBAGE", "its token reply cannot be read"),
            ("NO_TOKENS", "neither a bearer token nor an error"),
            ("MAC_TOKEN", "neither a bearer token nor an error"),
            ("HUGE", "longer than"),
            ("REDIRECT", "status 307"),
            ("CLIENT_REFUSED", "does not accept our registration"),
            ("PROFILE_REFUSED", "it refuses the profile"),
            ("NO_SUBJECT", "its id of the person is none"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_of_googles_names_are_googles() {
    let world = World::start().await;
    world.lie("google", "BARE_ISSUER").await;
    done(Page::new(&world).sign_in("google").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_may_be_a_minute_off_and_no_more() {
    let world = World::start().await;
    let page = Page::new(&world);
    let back = page.go("google").await;
    world.pass_time(3600 + 30);
    // Issued, for this clock, an hour ago.
    page.come_back("google", &back)
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_fetched_when_they_are_met_and_old_ones_forgotten() {
    let world = World::start_with(&[("OAUTH_JWKS_REFETCH_SECONDS", "10"), ("OAUTH_JWKS_TTL_SECONDS", "300")]).await;
    done(Page::new(&world).sign_in("kakao").await, 200);
    world.rotate_keys("kakao", true).await;
    // An unknown key is not asked for more than every ten seconds.
    Page::new(&world)
        .sign_in("kakao")
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
    world.pass_time(11);
    done(Page::new(&world).sign_in("kakao").await, 200);
    // Tokens by the new key go on while its owner cannot be asked for keys; see that nothing is fetched for a known one.
    world.rotate_keys("kakao", false).await;
    world.pass_time(11);
    done(Page::new(&world).sign_in("kakao").await, 200);
}
