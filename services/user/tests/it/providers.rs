//! Third parties that are down, slow or lie: nobody gets in, and nobody learns why.

use crate::helpers::{Person, World};
use axum::{Router, body::Body, extract::State, http::Response};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use test_support::{Reply, eventually};
use tokio::{net::TcpListener, task::JoinSet};

/// A third party that says what it is told to.
struct Liar {
    url: String,
    words: Arc<Mutex<Words>>,
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Words {
    status: u16,
    location: Option<String>,
    body: String,
    asked: usize,
}

impl Liar {
    async fn start() -> Self {
        let words = Arc::new(Mutex::new(Words {
            status: 200,
            location: None,
            body: String::new(),
            asked: 0,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(speak).with_state(Arc::clone(&words));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            words,
            _server: server,
        }
    }

    fn say(&self, status: u16, body: impl Into<String>) {
        let mut words = self.words.lock().unwrap();
        (words.status, words.body, words.location) = (status, body.into(), None);
    }

    fn point_to(&self, location: &str) {
        let mut words = self.words.lock().unwrap();
        (words.status, words.location) = (307, Some(location.to_owned()));
    }

    fn asked(&self) -> usize {
        self.words.lock().unwrap().asked
    }
}

async fn speak(State(words): State<Arc<Mutex<Words>>>) -> Response<Body> {
    let words = {
        let mut words = words.lock().unwrap();
        words.asked += 1;
        words.clone()
    };
    let mut response = Response::builder()
        .status(words.status)
        .header("content-type", "application/json");
    if let Some(location) = words.location {
        response = response.header("location", location);
    }
    response.body(Body::from(words.body)).unwrap()
}

fn closed(reply: Reply) {
    assert!(reply.header("retry-after").is_some());
    let problem = reply.expect_problem(503, "SERVICE_UNAVAILABLE").to_string();
    assert!(
        !problem.contains("captcha") && !problem.contains("portone"),
        "it says why: {problem}"
    );
}

fn huge(answer: &Value) -> String {
    format!("{answer}{}", " ".repeat(1 << 20))
}

#[tokio::test]
async fn a_captcha_check_that_makes_no_sense_lets_nobody_in() {
    let liar = Liar::start().await;
    let world = World::start_with(&[("RECAPTCHA_VERIFY_URL", &liar.url)]).await;
    let passed = json!({ "success": true, "hostname": "localhost" });
    for (status, body) in [
        (500, passed.to_string()),
        (204, String::new()),
        (201, passed.to_string()),
        (403, passed.to_string()),
        (200, String::new()),
        (200, "<html>welcome</html>".to_owned()),
        (200, "{}".to_owned()),
        (200, "[]".to_owned()),
        (200, json!({ "success": true }).to_string()),
        (200, json!({ "success": true, "hostname": null }).to_string()),
        (200, json!({ "success": "true", "hostname": "localhost" }).to_string()),
        (200, json!({ "success": 1, "hostname": "localhost" }).to_string()),
        (200, passed.to_string().repeat(2)),
        (200, huge(&passed)),
    ] {
        liar.say(status, &body);
        closed(world.try_login("buyer@example.com", "Passw0rd!").await);
    }
    liar.point_to(&format!("{}/elsewhere", liar.url));
    let asked = liar.asked();
    closed(world.try_login("buyer@example.com", "Passw0rd!").await);
    assert_eq!(liar.asked(), asked + 1, "the redirect was followed");

    for foreign in ["evil.example", "localhost.evil.example", "LOCALHOST", ""] {
        liar.say(200, json!({ "success": true, "hostname": foreign }).to_string());
        let reply = world.try_login("buyer@example.com", "Passw0rd!").await;
        reply.expect_problem(400, "CAPTCHA_FAILED");
    }
    liar.say(200, passed.to_string());
    let reply = world.try_login("buyer@example.com", "Passw0rd!").await;
    reply.expect_problem(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn an_identity_check_that_makes_no_sense_lets_nobody_in() {
    let liar = Liar::start().await;
    let world = World::start_with(&[("PORTONE_BASE_URL", &liar.url)]).await;
    let person = json!({ "name": "김철수", "phoneNumber": "01012345678", "ci": "ci" });
    let now = common::Clock::system().now().to_rfc3339();
    let verified = json!({ "id": "iv-1", "status": "VERIFIED", "verifiedAt": now, "verifiedCustomer": person });
    let without = |field: &str| {
        let mut answer = verified.clone();
        answer.as_object_mut().unwrap().remove(field);
        answer.to_string()
    };
    let mut body = world.registration(&Person::buyer()).await;
    body["identityVerificationId"] = json!("iv-1");
    let mut register = async |status, words: String| {
        liar.say(status, words);
        body["captchaToken"] = json!(world.captcha());
        world.api.post("/auth/register", &body).await
    };
    for (status, words) in [
        (500, verified.to_string()),
        (401, json!({ "type": "UNAUTHORIZED" }).to_string()),
        (302, verified.to_string()),
        (404, "<html>no such page</html>".to_owned()),
        (404, json!({ "type": "INVALID_REQUEST" }).to_string()),
        (400, "<html>bad request</html>".to_owned()),
        (200, String::new()),
        (200, "<html>welcome</html>".to_owned()),
        (200, "{}".to_owned()),
        (200, without("status")),
        (200, without("id")),
        (200, without("verifiedAt")),
        (200, without("verifiedCustomer")),
        (200, verified.to_string().replace("iv-1", "iv-2")),
        (200, verified.to_string().replace(&now, "yesterday")),
        (200, huge(&verified)),
    ] {
        closed(register(status, words).await);
    }
    for (status, words) in [
        (404, json!({ "type": "IDENTITY_VERIFICATION_NOT_FOUND" }).to_string()),
        (400, json!({ "type": "INVALID_REQUEST" }).to_string()),
        (200, verified.to_string().replace("VERIFIED", "SOMETHING_NEW")),
        (200, verified.to_string().replace("\"ci\"", "\"notCi\"")),
    ] {
        let reply = register(status, words).await;
        reply.expect_problem(400, "IDENTITY_NOT_VERIFIED");
    }
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 0);
    let _account = register(200, verified.to_string()).await.expect(201);
}

#[tokio::test]
async fn nobody_waits_for_a_slow_third_party_for_long() {
    let world = World::start_with(&[("PROVIDER_TIMEOUT_SECONDS", "0.3")]).await;
    let mut body = world.registration(&Person::buyer()).await;
    for slow in ["recaptcha", "identity"] {
        world.faults(&json!({ slow: { "delayMs": 3_600_000 } })).await;
        body["captchaToken"] = json!(world.captcha());
        closed(world.api.post("/auth/register", &body).await);
    }
    world.faults(&json!({})).await;
    body["captchaToken"] = json!(world.captcha());
    let _account = world.api.post("/auth/register", &body).await.expect(201);
}

#[tokio::test]
async fn a_third_party_that_keeps_failing_is_left_alone_for_a_while() {
    let liar = Liar::start().await;
    let settings = [
        ("RECAPTCHA_VERIFY_URL", liar.url.as_str()),
        ("PROVIDER_PAUSE_SECONDS", "1"),
    ];
    let world = World::start_with(&settings).await;
    liar.say(500, "");
    let login = || world.try_login("buyer@example.com", "Passw0rd!");
    eventually("it is left alone", Duration::from_secs(20), || async {
        let before = liar.asked();
        closed(login().await);
        (liar.asked() == before).then_some(())
    })
    .await;
    liar.say(200, json!({ "success": true, "hostname": "localhost" }).to_string());
    eventually("it is asked again", Duration::from_secs(20), || async {
        (login().await.status == 401).then_some(())
    })
    .await;
}
