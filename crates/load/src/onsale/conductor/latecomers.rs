//! Some cannot believe it and come back when the hall is full and everybody has gone home.

use crate::{accounts::Account, client::Call, onsale::sale::Sale};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep};

/// What the line knows of the seats is a second old at most.
const LATER: Duration = Duration::from_secs(2);

/// Each tries to enter once more, and must be told that nothing is left.
pub(super) async fn come(sale: &Arc<Sale>, latecomers: Vec<Account>) {
    sleep(LATER).await;
    let mut tries = JoinSet::new();
    for latecomer in latecomers {
        tries.spawn(enter(Arc::clone(sale), latecomer));
    }
    while tries.join_next().await.is_some() {}
}

async fn enter(sale: Arc<Sale>, latecomer: Account) {
    let gateway = sale.world.gateway();
    let body = json!({"eventId": sale.event});
    let call = Call::new("POST /queue/enter", "/queue/enter").bearer(&latecomer.token);
    // Another refusal than the right one is found in the figures.
    if let Ok(reply) = gateway.send(call.json(&body)).await
        && reply.is_success()
    {
        sale.violation("a sold-out sale let somebody enter");
        let call = Call::new("DELETE /queue/leave", "/queue/leave").bearer(&latecomer.token);
        let _left = gateway.send(call).await;
    }
}
