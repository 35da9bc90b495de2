//! A partition's worker that fails by itself.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use common::lifecycle::Shutdown;
use messages::{Envelope, Message, PaymentSuccess, Topic};
use outbox::{Handled, Handler, HandlerError};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::bench::{Bench, Recorder, Running};

/// Does nothing, but panics when it is cleaned away: nobody counts on that.
struct Bomb;

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as the test wants it");
    }
}

/// Records, but leaves a bomb behind a message whose note says so.
struct Bomber(Recorder);

impl Handler for Bomber {
    const TYPES: &'static [&'static str] = Recorder::TYPES;

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let handled = self.0.handle(transaction, message).await?;
        let payment: PaymentSuccess = message.decode()?;
        match payment.portone_transaction_id.as_str() {
            "bomb" => {
                // Meanwhile the messages behind it are received.
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(Handled::and_then(Bomb))
            }
            _ => Ok(handled),
        }
    }
}

#[tokio::test]
async fn a_worker_that_fails_takes_no_message_with_it() {
    assert_eq!(Bomber::TYPES, [PaymentSuccess::TYPE]);
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let key = Uuid::now_v7();
    for note in ["bomb", "", "", ""] {
        bench.pay(&outbox, key, note).await;
    }
    bench.topic(Topic::PaymentEvents, 4).await;
    let consumer = Running::start(bench.consumer(Bomber(Recorder::default())).run(shutdown.clone()));
    bench.wait_for_effects(1).await;
    bench.pay(&outbox, key, "").await;

    let all: Vec<(Uuid, i64)> = (1..=5).map(|n| (key, n)).collect();
    assert_eq!(bench.wait_for_effects(5).await, all);
    shutdown.cancel();
    consumer.end().await;
}
