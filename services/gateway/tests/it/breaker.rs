//! The circuit breaker with the numbers of `design.md` §4 (half of at least 20 calls within the last 100, ten probes), seen
//! from outside; only the time that it stays open is short.

use crate::helpers::{MustBe, World, reply};
use futures_util::future::join_all;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use test_support::{Api, eventually};

/// No limit in reach, so that only the breaker refuses; a minute would be too long to wait.
const SETTINGS: [(&str, &str); 2] = [("RATE_LIMIT_PROFILE", "loadtest"), ("BREAKER_OPEN_SECONDS", "2")];

const SOON: Duration = Duration::from_secs(30);

/// One call that the service answers with this status.
async fn call(api: &Api, status: u16) {
    let asked = api.with_header("x-want", &status.to_string());
    asked.get("/events").await.must_be(status);
}

async fn calls(api: &Api, status: u16, count: usize) {
    for _ in 0..count {
        call(api, status).await;
    }
}

async fn is_open(api: &Api) -> bool {
    let got = api.with_header("x-want", "404").get("/events").await;
    assert!(matches!(got.status.as_u16(), 404 | 503), "{got:?}");
    got.status == 503
}

/// Services answer as `x-want` says.
async fn world() -> World {
    let world = World::with(&SETTINGS).await;
    world.upstream.answer_with(|got| {
        let status = got.header("x-want").and_then(|status| status.parse().ok());
        reply(status.unwrap_or(200), &[], "{}")
    });
    world
}

#[tokio::test]
async fn it_opens_at_half_of_twenty_calls_and_not_before() {
    let world = world().await;
    let api = world.anybody();
    calls(&api, 500, 19).await;
    call(&api, 200).await;
    assert!(is_open(&api).await, "19 of 20 failed");
    // Other services are none of its business.
    api.get("/terms").await.must_be(200);

    let world = self::world().await;
    let api = world.anybody();
    calls(&api, 200, 10).await;
    calls(&api, 502, 9).await;
    assert!(!is_open(&api).await, "9 of 20 failed: the last look was a call as well");
    call(&api, 504).await;
    assert!(!is_open(&api).await, "10 of 22");
    calls(&api, 500, 2).await;
    assert!(is_open(&api).await, "12 of 24");
}

#[tokio::test]
async fn it_remembers_the_last_hundred_calls() {
    let world = world().await;
    let api = world.anybody();
    calls(&api, 200, 150).await;
    calls(&api, 500, 49).await;
    assert!(!is_open(&api).await, "49 of the last hundred failed");
    call(&api, 500).await;
    assert!(is_open(&api).await, "50 of the last hundred");
}

/// A service that lets its calls wait, and counts them.
struct Waiting {
    arrived: Arc<AtomicUsize>,
    gate: Arc<tokio::sync::Semaphore>,
    service: crate::helpers::OddServer,
}

impl Waiting {
    async fn start(status: &'static str) -> Self {
        let (arrived, gate) = (Arc::<AtomicUsize>::default(), Arc::new(tokio::sync::Semaphore::new(0)));
        let service = crate::helpers::OddServer::start({
            let (arrived, gate) = (Arc::clone(&arrived), Arc::clone(&gate));
            move |mut stream| {
                let (arrived, gate) = (Arc::clone(&arrived), Arc::clone(&gate));
                async move {
                    crate::helpers::read_head(&mut stream).await;
                    let number = arrived.fetch_add(1, Ordering::SeqCst);
                    // The first twenty fail at once, to open the breaker.
                    let status = if number < 20 {
                        "500 Internal Server Error"
                    } else {
                        status
                    };
                    if number >= 20 {
                        let _passed = gate.acquire().await.unwrap();
                    }
                    let text = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
                    let _sent = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
                }
            }
        })
        .await;
        Self { arrived, gate, service }
    }

    /// A gateway whose breaker this service has just opened, and since when.
    async fn opened(&self) -> (World, Instant) {
        let mut settings = SETTINGS.to_vec();
        let url = self.service.url();
        settings.push(("EVENT_SERVICE_URL", &url));
        let world = World::with(&settings).await;
        for _ in 0..20 {
            world.anybody().get("/events").await.must_be(500);
        }
        (world, Instant::now())
    }

    /// Sends thirty calls at once when the breaker looks again; the statuses of all. The ten that are let through are answered
    /// once the others have been refused: an answer would close the breaker for those who have not asked yet.
    async fn thirty(&self, world: &World) -> Vec<u16> {
        tokio::time::sleep(Duration::from_millis(2100)).await;
        let refused = &AtomicUsize::new(0);
        let callers = (0..30).map(|_| world.anybody());
        let all = join_all(callers.map(|api| async move {
            let got = api.get("/events").await;
            if got.status == 503 {
                assert!(
                    got.header("retry-after")
                        .is_some_and(|wait| wait.parse::<u64>().is_ok()),
                    "{got:?}"
                );
                refused.fetch_add(1, Ordering::SeqCst);
            }
            got.status.as_u16()
        }));
        let release = async {
            eventually("ten probes arrive, and twenty are refused", SOON, || async {
                let seen = (self.arrived.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
                (seen == (30, 20)).then_some(())
            })
            .await;
            self.gate.add_permits(1000);
        };
        tokio::join!(all, release).0
    }
}

#[tokio::test]
async fn half_open_it_lets_ten_through_and_closes_when_they_succeed() {
    let service = Waiting::start("200 OK").await;
    let (world, opened) = service.opened().await;
    let got = world.anybody().get("/events").await;
    assert!(
        opened.elapsed() > Duration::from_millis(1900) || got.status == 503,
        "{got:?}"
    );

    let statuses = service.thirty(&world).await;
    let count = |status: u16| statuses.iter().filter(|other| **other == status).count();
    assert_eq!((count(200), count(503)), (10, 20), "{statuses:?}");
    assert_eq!(service.arrived.load(Ordering::SeqCst), 30, "the others never reach it");
    for _ in 0..15 {
        world.anybody().get("/events").await.must_be(200);
    }
}

#[tokio::test]
async fn half_open_it_opens_again_when_the_probes_fail() {
    let service = Waiting::start("500 Internal Server Error").await;
    let (world, _) = service.opened().await;
    let statuses = service.thirty(&world).await;
    let failed = statuses.iter().filter(|status| **status == 500).count();
    assert!((5..=10).contains(&failed), "{statuses:?}");
    let arrived = service.arrived.load(Ordering::SeqCst);
    let again = Instant::now();
    let got = world.anybody().get("/events").await;
    assert!(
        again.elapsed() > Duration::from_millis(1900) || got.status == 503,
        "{got:?}"
    );
    assert!(service.arrived.load(Ordering::SeqCst) <= arrived + usize::from(got.status != 503));
}

#[tokio::test]
async fn refusals_and_a_503_that_names_a_time_open_nothing() {
    let world = world().await;
    let api = world.anybody();
    for status in [400, 404, 409, 429] {
        calls(&api, status, 30).await;
    }
    world
        .upstream
        .answer_with(|_| reply(503, &[("retry-after", "1")], "{}"));
    calls(&api, 503, 60).await;
    world.upstream.answer_with(|_| reply(200, &[], "{}"));
    call(&api, 200).await;
    // A 503 without one is a failure.
    world.upstream.answer_with(|_| reply(503, &[], "no time"));
    for _ in 0..100 {
        let got = api.get("/events").await;
        if got.header("retry-after").is_some() {
            return;
        }
    }
    panic!("it does not open");
}
