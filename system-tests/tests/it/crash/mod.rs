//! Every service dies at every named point of its flows (`common::crash`), and the buyer whose request was under way does
//! what a browser would do: ask again. In the end the buyer has what the point's row says, and the books balance with
//! PortOne's (design.md §9, §10). `docs/testing.md` tells how to add a point.
//!
//! One system per family of flows. Its rows run one after the other in an order that a seed decides, each with a buyer and
//! seats of its own. Set `TICKET_QUEUE_SEED` to the seed that a failure prints to have the same order again.
#![expect(
    clippy::disallowed_methods,
    reason = "the seed is no setting of a service, and a buyer goes on while the test waits for a death"
)]

mod accounts;
mod changing;
mod closing;
mod complete;
mod holding;
mod line;
mod losses;
mod messages;
mod paying;
mod queueing;
mod refunding;
mod replicas;
mod shopper;
mod strays;

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::Value;
use shopper::{Heir, Shopper};
use std::{future::Future, sync::Arc};
use system_tests::{Part, System};
use test_support::TestEnv;
use tokio::sync::Mutex;

/// How a buyer's reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// CONFIRMED, paid once, the seats sold.
    Confirmed,
    /// CANCELLED, never charged, the seats free.
    Free,
    /// CANCELLED, charged and given back, the seats free.
    Refunded,
}

/// What a buyer wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journey {
    /// Hold seats and give them back.
    HoldAndRelease,
    /// Hold seats and never come back.
    HoldAndLeave,
    /// Hold seats, change them, and give them back.
    SwapAndRelease,
    /// Buy.
    Pay,
    /// Buy with a card that is declined.
    Declined,
    /// Buy with a card that is declined, and with another one.
    DeclinedThenPay,
    /// Buy, and cancel.
    PayAndCancel,
    /// Buy, and get the money back from somebody in PortOne's console.
    PayAndRefundByHand,
    /// Hold seats for a payment that nobody knows and that has the lock, then give them back.
    LockedByNobody,
    /// Hold seats that a payment has locked which has failed.
    LockedByTheDead,
}

/// A row: who dies where on which journey, and how this ends for the buyer.
#[derive(Clone, Copy, Debug)]
struct Death {
    part: Part,
    /// The point, and behind it whom it is passed for.
    point: &'static str,
    journey: Journey,
    /// Faults of the simulators until the death, as JSON.
    faults: Option<&'static str>,
    ends: &'static [End],
}

impl Death {
    const fn new(part: Part, point: &'static str, journey: Journey, ends: &'static [End]) -> Self {
        Self {
            part,
            point,
            journey,
            faults: None,
            ends,
        }
    }

    const fn with(self, faults: &'static str) -> Self {
        Self {
            faults: Some(faults),
            ..self
        }
    }
}

/// Settings that let everything that waits wait for seconds.
const QUICK: [(&str, &str); 18] = [
    ("HOLD_TTL_SECONDS", "90"),
    ("RECONCILE_AFTER_SECONDS", "1"),
    ("RECONCILE_INTERVAL_SECONDS", "1"),
    ("RECONCILE_NOT_CHARGED_AFTER_SECONDS", "4"),
    ("PORTONE_TIMEOUT_SECONDS", "1"),
    ("PAYMENT_WORKER_POLL_MS", "200"),
    ("REFUND_BACKOFF_SECONDS", "1"),
    ("REFUND_BACKOFF_MAX_SECONDS", "2"),
    ("PAYMENT_LOCK_REDIS_SECONDS", "5"),
    ("PAYMENT_LOCK_QUERY_AFTER_SECONDS", "6"),
    ("PAYMENT_LOCK_QUERY_AGAIN_SECONDS", "1"),
    ("PAYMENT_LOCK_QUERY_INTERVAL_SECONDS", "1"),
    ("SAGA_STUCK_AFTER_SECONDS", "30"),
    ("OUTBOX_LEASE_SECONDS", "1"),
    // That breakers open is proved elsewhere; here a service is back within a second.
    ("BREAKER_FAILURE_RATE", "1"),
    ("PORTONE_BREAKER_FAILURE_PERCENT", "100"),
    ("DB_POOL_MAX", "5"),
    ("DB_WORKER_POOL_MAX", "5"),
];

/// A system for these flows, with these settings on top of the quick ones.
async fn system(settings: &[(&str, &str)]) -> System {
    let all: Vec<_> = QUICK.iter().chain(settings).copied().collect();
    System::start_in(TestEnv::new().await, &all).await
}

/// The seed of this run: the one asked for, else a new one.
fn seed() -> u64 {
    let asked = std::env::var("TICKET_QUEUE_SEED").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or_else(rand::random)
}

/// Lets each death happen on a system with these settings, waits for all buyers and audits the books.
async fn die_everywhere(settings: &[(&str, &str)], deaths: &[Death]) {
    let seed = seed();
    let mut order: Vec<Death> = deaths.to_vec();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut system = system(settings).await;
    let sale = system.admin().await.open_sale(4, 2 * order.len() + 2).await;
    let heir = Arc::new(Mutex::new(Heir::of(&system, &sale).await));
    let mut seats = heir.lock().await.free_seats(4 * order.len()).await;

    // All are through the line before the first death: while a service is away, the queue may stop admitting for a minute.
    let mut shoppers = Vec::new();
    for _ in &order {
        let wanted = seats.split_off(seats.len() - 4);
        shoppers.push(Shopper::of(&system, &sale, wanted, Arc::clone(&heir)).await);
    }

    for (death, shopper) in order.into_iter().zip(shoppers) {
        let context = format!("{death:?}, seed {seed}, logs {}", system.logs());
        at(&context, die(&mut system, death, shopper)).await;
    }
    at(&format!("the end, seed {seed}, logs {}", system.logs()), system.audit()).await;
}

/// One row. The buyer's way is waited for: the next death would take whoever is confirming just then with it.
async fn die(system: &mut System, death: Death, shopper: Shopper) {
    if let Some(faults) = death.faults {
        let faults: Value = serde_json::from_str(faults).unwrap();
        system.faults(&faults).await;
    }
    system.arm(death.part, death.point);
    let journey = tokio::spawn(async move { shopper.walk(death.journey).await });
    system.wait_for_death(death.part).await;
    if death.faults.is_some() {
        system.no_faults().await;
    }
    system.restart(death.part).await;
    let end = journey.await.expect("the buyer gets to an end");
    assert!(death.ends.contains(&end), "it ended {end:?}");
}

/// Says where it happened when something panics.
async fn at<T>(context: &str, doing: impl Future<Output = T>) -> T {
    use futures_util::FutureExt as _;
    let caught = std::panic::AssertUnwindSafe(doing).catch_unwind().await;
    caught.unwrap_or_else(|cause| {
        eprintln!("at {context}");
        std::panic::resume_unwind(cause)
    })
}
