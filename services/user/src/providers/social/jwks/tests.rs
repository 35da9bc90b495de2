use super::*;
use axum::{Json, Router, routing::get};
use common::config::Env;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use test_support::eventually;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

const SOON: Duration = Duration::from_secs(20);

/// What the provider's page of keys does.
#[derive(Clone, Copy)]
enum Page {
    /// Shows a key of that name.
    Shows(&'static str),
    Fails,
    Hangs,
}

/// A provider, and what we know of its keys.
struct Bench {
    page: watch::Sender<Page>,
    asked: Arc<AtomicUsize>,
    clock: Clock,
    client: Client,
    jwks: Jwks,
    _server: JoinSet<()>,
}

impl Bench {
    async fn new(page: Page) -> Self {
        let (page, pages) = watch::channel(page);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let keys = move || {
            count.fetch_add(1, Ordering::Relaxed);
            let mut pages = pages.clone();
            async move {
                let page = *pages.wait_for(|page| !matches!(page, Page::Hangs)).await.unwrap();
                match page {
                    Page::Shows(kid) => {
                        let key = json!({ "kid": kid, "kty": "RSA", "n": "AQAB", "e": "AQAB" });
                        Ok(Json(json!({ "keys": [key] })))
                    }
                    Page::Fails | Page::Hangs => Err(StatusCode::INTERNAL_SERVER_ERROR),
                }
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, Router::new().route("/keys", get(keys)))
                .await
                .unwrap();
        });
        let clock = Clock::adjustable();
        let settings = [
            ("OAUTH_JWKS_TTL_SECONDS", "3600"),
            ("OAUTH_JWKS_REFETCH_SECONDS", "600"),
        ];
        let config = SocialConfig::from_env(&Env::from_pairs(settings).unwrap()).unwrap();
        Self {
            page,
            asked,
            client: Client::new("provider", 3 * SOON, SOON).unwrap(),
            jwks: Jwks::new(url, &config, clock.clone()).unwrap(),
            clock,
            _server: server,
        }
    }

    /// Whether that key can be had; None if nobody can tell.
    async fn has(&self, kid: &str) -> Option<bool> {
        let key = self.jwks.key(&self.client, kid).await;
        key.ok().map(|key| key.is_some())
    }

    /// The same for many at once, who must all learn the same.
    async fn have(&self, kid: &str) -> Option<bool> {
        let all = futures_util::future::join_all((0..15).map(|_| self.has(kid))).await;
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0]
    }

    /// How often the provider has been asked since the last look.
    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn pass(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }
}

#[tokio::test]
async fn many_who_wait_share_one_fetch_and_its_failure() {
    let bench = Bench::new(Page::Fails).await;
    assert_eq!((bench.have("a").await, bench.asked()), (None, 1));
    bench.pass(9);
    assert_eq!((bench.have("a").await, bench.asked()), (None, 0));
    bench.pass(1);
    assert_eq!((bench.have("a").await, bench.asked()), (None, 1));
    bench.page.send_replace(Page::Shows("a"));
    bench.pass(10);
    assert_eq!((bench.have("a").await, bench.asked()), (Some(true), 1));
    assert_eq!((bench.have("b").await, bench.asked()), (Some(false), 0));
}

#[tokio::test]
async fn a_known_key_is_good_for_a_day_while_its_page_is_away() {
    let bench = Bench::new(Page::Shows("a")).await;
    assert_eq!((bench.has("a").await, bench.asked()), (Some(true), 1));
    bench.page.send_replace(Page::Fails);
    bench.pass(59);
    assert_eq!((bench.has("a").await, bench.asked()), (Some(true), 0));
    bench.pass(1);
    assert_eq!((bench.have("a").await, bench.asked()), (Some(true), 1));
    // The page is left alone, for a new key as well.
    assert_eq!((bench.have("b").await, bench.asked()), (None, 0));
    bench.pass(10);
    assert_eq!((bench.have("b").await, bench.asked()), (None, 1));
    assert_eq!((bench.have("a").await, bench.asked()), (Some(true), 0));
    bench.pass(22 * 60 + 49);
    assert_eq!((bench.have("a").await, bench.asked()), (Some(true), 1));
    bench.pass(1);
    assert_eq!((bench.have("a").await, bench.asked()), (None, 0));
    // What is no longer on the page is gone at once.
    bench.page.send_replace(Page::Shows("b"));
    bench.pass(10);
    assert_eq!((bench.have("a").await, bench.asked()), (Some(false), 1));
    assert_eq!((bench.have("b").await, bench.asked()), (Some(true), 0));
}

#[tokio::test]
async fn who_has_a_known_key_does_not_wait_for_an_unknown_one() {
    let bench = Bench::new(Page::Shows("a")).await;
    assert_eq!((bench.has("a").await, bench.asked()), (Some(true), 1));
    bench.page.send_replace(Page::Hangs);
    bench.pass(10);
    let known = async {
        eventually("the page is asked", SOON, async || (bench.asked() == 1).then_some(())).await;
        let known = tokio::time::timeout(SOON, bench.has("a")).await;
        bench.page.send_replace(Page::Shows("b"));
        known
    };
    let (unknown, known) = tokio::join!(bench.has("b"), known);
    assert_eq!(known, Ok(Some(true)));
    assert_eq!(unknown, Some(true));
}

#[test]
fn keys_that_do_not_sign_with_rs256_are_passed_over() {
    let key = |change: serde_json::Value| {
        let mut key = json!({ "kid": "a", "kty": "RSA", "n": "AQAB", "e": "AQAB" });
        for (name, value) in change.as_object().unwrap() {
            key[name] = value.clone();
        }
        serde_json::from_value::<Key>(key)
            .ok()
            .and_then(Key::decoding_key)
            .is_some()
    };
    assert!(key(json!({})) && key(json!({ "alg": "RS256", "use": "sig", "x5t": "unknown" })));
    for other in [
        json!({ "kty": "EC" }),
        json!({ "alg": "RS512" }),
        json!({ "alg": "HS256" }),
        json!({ "use": "enc" }),
        json!({ "n": "?" }),
        json!({ "n": null }),
        json!({ "kid": null }),
    ] {
        assert!(!key(other.clone()), "{other}");
    }
}
