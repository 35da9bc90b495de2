//! The user service dies between what it has decided and what it tells.

use super::system;
use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Part};
use test_support::eventually;

/// The points that the test below reaches.
pub(super) const POINTS: [&str; 1] = ["user.sessions.ended"];

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_the_gateway_was_not_told_of_is_told_by_the_next_process() {
    let mut system = system(&[]).await;
    let buyer = Buyer::register(&system).await;
    let _me = buyer.api().get("/users/me").await.expect(200);
    system.arm(Part::User, POINTS[0]);
    let logout = {
        let buyer = buyer.clone();
        tokio::spawn(async move { buyer.api().post("/auth/logout", &json!({})).await })
    };
    system.wait_for_death(Part::User).await;
    let reply = logout.await.unwrap();
    assert!(reply.status.is_server_error(), "it is claimed: {reply:?}");

    system.restart(Part::User).await;
    // Nobody asks again.
    let refused = eventually("the gateway knows", SOON, || async {
        let reply = buyer.api().get("/users/me").await;
        (reply.status == 401).then_some(reply)
    })
    .await;
    refused.expect_problem(401, "TOKEN_REVOKED");
}
