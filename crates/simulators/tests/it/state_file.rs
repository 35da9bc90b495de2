use std::io::Write;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::json;

use crate::helpers::{World, answer};

struct StateFile(PathBuf);

impl StateFile {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("simulators-{}.jsonl", uuid::Uuid::new_v4())))
    }

    async fn start(&self) -> World {
        World::start_with(|config| config.state_file = Some(self.0.clone())).await
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn payments_and_identities_survive_a_restart() {
    let file = StateFile::new();
    let world = file.start().await;
    let token = world.authorised("ready", "PAY").await;
    world.paid("paid").await;
    world.paid("refunded").await;
    world.cancel("refunded", &json!({ "reason": "r" })).await.ok();
    let person = json!({ "name": "Kim", "phone": "01012345678" });
    let created = world.control(Method::POST, "/identity-verifications", &person).await;
    let ledger = world.ledger().await;
    let mut before = world.get("paid").await.ok();
    // What became of its webhooks does not survive.
    before.as_object_mut().unwrap().remove("webhooks");
    drop(world);

    let world = file.start().await;
    assert_eq!(world.ledger().await, ledger);
    assert_eq!(world.get("paid").await.ok(), before);
    let id = created.body["identityVerificationId"].as_str().unwrap();
    answer(world.portone(Method::GET, &format!("/identity-verifications/{id}")))
        .await
        .ok();
    world.confirm("ready", &json!({ "paymentToken": token })).await.ok();
    drop(world);

    let world = file.start().await;
    assert_eq!(world.get("ready").await.ok()["status"], "PAID");
}

#[tokio::test]
async fn half_a_line_at_the_end_is_skipped() {
    let file = StateFile::new();
    let world = file.start().await;
    world.paid("p1").await;
    drop(world);
    let mut torn = std::fs::OpenOptions::new().append(true).open(&file.0).unwrap();
    torn.write_all(br#"{"kind":"payment","id":"p"#).unwrap();

    let world = file.start().await;
    assert_eq!(world.get("p1").await.ok()["status"], "PAID");
    world.paid("p2").await;
    drop(world);
    let world = file.start().await;
    assert_eq!(world.ledger().await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_promised_is_given_back_after_a_restart() {
    let file = StateFile::new();
    let world = file.start().await;
    world.paid("p1").await;
    let path = "/portone/payments/p1/cancel";
    let promised = json!({ "requestedForMs": 300 });
    world.control(Method::POST, path, &promised).await.ok();
    drop(world);

    let world = file.start().await;
    world.inbox.wait_for(1).await;
    assert_eq!(world.inbox.events(), ["Transaction.Cancelled"]);
    assert_eq!(world.get("p1").await.ok()["status"], "CANCELLED");
}
