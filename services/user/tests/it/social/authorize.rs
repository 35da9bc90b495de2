use super::{Page, get, location};
use crate::helpers::{World, fields};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_is_sent_to_the_provider_with_what_that_provider_supports() {
    let world = World::start().await;
    for (provider, page, scope) in [
        (
            "kakao",
            "/kakao/oauth/authorize",
            Some("openid,account_email,profile_nickname"),
        ),
        ("naver", "/naver/oauth2.0/authorize", None),
        ("google", "/google/o/oauth2/v2/auth", Some("openid email profile")),
    ] {
        let path = format!(
            "/auth/oauth2/{provider}/authorize?challenge={}",
            Page::new(&world).challenge()
        );
        let reply = get(&world, &path).await;
        assert_eq!(reply.headers()["cache-control"], "no-store");
        let there = location(&reply);
        assert_eq!(there.path(), page);
        let query: HashMap<_, _> = there.query_pairs().into_owned().collect();
        let has = |name: &str| query.get(name).map(String::as_str);
        assert_eq!(has("response_type"), Some("code"));
        assert_eq!(has("client_id"), Some(format!("local-{provider}-client").as_str()));
        let callback = format!("http://localhost:3000/auth/callback/{provider}");
        assert_eq!(has("redirect_uri"), Some(callback.as_str()));
        assert!(query["state"].starts_with("st_") && query["state"].len() == 46);
        assert_eq!(has("scope"), scope);
        assert_eq!(has("code_challenge_method"), scope.map(|_| "S256"));
        for random in ["nonce", "code_challenge"] {
            assert_eq!(has(random).map(str::len), scope.map(|_| 43), "{provider} {random}");
        }
        let again = location(&get(&world, &path).await);
        assert_ne!(again.query(), there.query(), "a state twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_keeps_nothing_with_which_somebody_could_finish_a_login() {
    let world = World::start().await;
    let page = Page::new(&world);
    let backs = [page.go("kakao").await, page.go("naver").await];
    let mut redis = world.redis().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let states: Vec<&String> = keys.iter().filter(|key| key.starts_with("oauth:state:")).collect();
    assert_eq!(states.len(), 2);
    for key in states {
        let value: String = redis::cmd("GET").arg(key).query_async(&mut redis).await.unwrap();
        assert_eq!(value, "");
        assert!(backs.iter().all(|back| !key.contains(back.get("state"))));
        let seconds = world.blacklisted_for(key).await.unwrap();
        assert!((500..=600).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_demanded() {
    let world = World::start().await;
    for query in [
        "",
        "?challenge=",
        "?challenge=short",
        "?challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM%3D",
    ] {
        let problem = world.api.get(&format!("/auth/oauth2/kakao/authorize{query}")).await;
        problem.expect_problem(400, "VALIDATION_FAILED");
    }
    let challenge = Page::new(&world).challenge();
    let path = format!("/auth/oauth2/kakao/authorize?challenge={challenge}&redirect_uri=https://evil.example");
    let problem = world.api.get(&path).await.expect_problem(400, "VALIDATION_FAILED");
    assert!(
        problem.to_string().contains("redirect_uri"),
        "{problem} {:?}",
        fields(&problem)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_unknown_is_not_found() {
    let world = World::start().await;
    let page = Page::new(&world);
    for unknown in ["facebook", "KAKAO", "kakao%20", "."] {
        let reply = world
            .api
            .get(&format!(
                "/auth/oauth2/{unknown}/authorize?challenge={}",
                page.challenge()
            ))
            .await;
        assert_eq!(reply.status, 404, "{unknown}");
    }
    let reply = world.api.get("/auth/oauth2/facebook/callback?state=x&verifier=y").await;
    reply.expect_problem(404, "NOT_FOUND");
    let user = world.api.as_user(Uuid::now_v7());
    let path = "/users/me/social-accounts/facebook";
    user.post(path, &json!({ "code": "c", "state": "s", "verifier": "v" }))
        .await
        .expect_problem(404, "NOT_FOUND");
    user.delete(path).await.expect_problem(404, "NOT_FOUND");
}
