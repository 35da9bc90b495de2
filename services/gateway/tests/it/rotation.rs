use crate::helpers::World;
use axum::Router;
use common::{
    Clock,
    config::{Env, ServerConfig},
    health::Health,
    identity::Role,
    internal_auth::{Service, Verifier, guard},
    jwt::{JwtConfig, TokenIssuer},
    lifecycle::{Application, Workers},
};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};
use test_support::Running;
use uuid::Uuid;

const OLD: &str = "old-secret-0123456789abcdef-0123456789";
const NEW: &str = "new-secret-0123456789abcdef-0123456789";
/// Longer than it takes until every process has read a changed file.
const EVERYBODY_KNOWS: Duration = Duration::from_millis(4000);

struct SecretFile(PathBuf);

impl SecretFile {
    fn new(secrets: &[&str]) -> Self {
        let file = Self(std::env::temp_dir().join(format!("secret-{}", Uuid::now_v7())));
        file.write(secrets);
        file
    }

    /// All at once, as whoever exchanges a secret should.
    fn write(&self, secrets: &[&str]) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, secrets.join("\n")).unwrap();
        std::fs::rename(&next, &self.0).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.0);
    }
}

/// A service that checks the gateway's credential with keys of that file.
async fn service(keys: &SecretFile) -> Running {
    let env = Env::from_pairs([
        ("INTERNAL_KEY_GATEWAY_FILE", keys.path()),
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
    ])
    .unwrap();
    let verifier = Verifier::from_env(&env, Clock::system()).unwrap();
    let app = Router::new().route("/users/me", axum::routing::get(|| async { "me" }));
    let app = guard(app, &verifier, &[Service::Gateway]);
    let config = ServerConfig::from_env(&env, 0).unwrap();
    Running::start(
        Application::bind(&config, app, Health::new(), Workers::new())
            .await
            .unwrap(),
    )
}

fn token(secret: &str) -> String {
    let env = Env::from_pairs([("JWT_SECRET", secret)]).unwrap();
    let issuer = TokenIssuer::new(JwtConfig::from_env(&env).unwrap(), Clock::system());
    issuer.issue(Uuid::now_v7(), Role::User, Uuid::now_v7()).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_exchanged_while_requests_run_and_none_is_refused() {
    let (tokens, keys) = (SecretFile::new(&[OLD]), SecretFile::new(&[OLD]));
    let service = service(&keys).await;
    let world = World::with(&[
        ("JWT_SECRET_FILE", tokens.path()),
        ("INTERNAL_KEY_GATEWAY_FILE", keys.path()),
        ("USER_SERVICE_URL", &service.url()),
        ("RATE_LIMIT_PROFILE", "loadtest"),
    ])
    .await;
    let (stop, new_too, asked) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    let status = async |secret: &str| world.anybody().with_token(&token(secret)).get("/users/me").await.status;
    let asking = async {
        while !stop.load(Ordering::Relaxed) {
            // Whoever issues tokens uses the new secret once everybody believes it.
            let new = new_too.load(Ordering::Relaxed);
            assert_eq!(status(OLD).await, 200, "the old secret");
            if new {
                assert_eq!(status(NEW).await, 200, "the new secret");
            }
            asked.fetch_add(1, Ordering::Relaxed);
        }
    };
    let exchanging = async {
        assert_eq!(status(NEW).await, 401, "nobody knows it yet");
        for secrets in [[OLD, NEW], [NEW, OLD]] {
            tokens.write(&secrets);
            keys.write(&secrets);
            tokio::time::sleep(EVERYBODY_KNOWS).await;
            new_too.store(true, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(asking, exchanging);
    assert!(asked.load(Ordering::Relaxed) > 10);
    // In the end the old one is taken away.
    tokens.write(&[NEW]);
    test_support::eventually("the old secret is forgotten", Duration::from_secs(30), || async {
        (status(OLD).await == 401).then_some(())
    })
    .await;
    assert_eq!(status(NEW).await, 200);
}
