//! What everything stands on goes away in the middle of a sale and comes back (`design.md` §10). Buyers see proper
//! refusals meanwhile, and nothing is sold twice, charged for nothing or lost. Servers that go down are the test's own.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

mod kafka;
mod poison;
mod portone;
mod postgres;
mod redis;
mod restored;
mod sigterm;

use serde_json::json;
use system_tests::{Buyer, Hold};
use test_support::{Reply, servers::Missing};

/// A server of the test's own, or a message why the test is left out.
fn own<T>(server: Result<T, Missing>) -> Option<T> {
    server.inspect_err(Missing::report).ok()
}

/// A refusal that asks to come again.
#[track_caller]
fn expect_unavailable(reply: Reply) {
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
}

/// The same hold with a fresh payment token, as a buyer asks for after reloading the page.
async fn with_fresh_token(buyer: &Buyer, hold: &Hold) -> Hold {
    let path = format!("/reservations/hold/{}/payment-token", hold.reservation_id);
    let reply = buyer.api().post(&path, &json!({})).await;
    assert!(reply.status.is_success(), "{reply:?}");
    Hold {
        payment_token: reply.body["paymentToken"].as_str().expect("a token").to_owned(),
        ..hold.clone()
    }
}
