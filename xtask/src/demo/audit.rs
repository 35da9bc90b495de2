//! Last chapter: the books.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::client::Client;
use super::journey::Booked;
use super::story::{Story, poll, won};
use crate::services::Ticketctl;

/// Messages on their way are not yet in the books; after this time they are not on their way any more.
const REST_PATIENCE: Duration = Duration::from_secs(10);

/// PortOne's ledger must show what the story saw, and the operator's audit must find nothing.
pub(super) async fn tell(
    story: &mut Story,
    simulators: &Client,
    ticketctl: &Ticketctl,
    booked: &[Booked],
) -> Result<()> {
    story.chapter("The books are audited");
    let reply = simulators.get("/control/portone/ledger").send().await?.expect(200)?;
    let ledger = reply.list("")?;
    let (mut captured, mut cancelled) = (0, 0);
    for expected in booked {
        let row = ledger.iter().find(|row| row["paymentId"] == expected.checkout.as_str());
        let amount = |name: &str| row.and_then(|row| row[name].as_i64()).unwrap_or(0);
        ensure!(
            (amount("captured"), amount("cancelled")) == (expected.captured, expected.cancelled),
            "PortOne's ledger says {} of a payment that shall have {} captured and {} cancelled",
            row.unwrap_or(&Value::Null),
            expected.captured,
            expected.cancelled
        );
        captured += expected.captured;
        cancelled += expected.cancelled;
    }
    let text = format!(
        "PortOne's ledger agrees: {} captured, {} given back",
        won(captured),
        won(cancelled)
    );
    story.step(reply.took, text);

    let began = Instant::now();
    let mut last = String::new();
    let audited = poll("books in order", REST_PATIENCE, async || {
        let output = ticketctl.output(&["audit"])?;
        last = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output.status.success().then_some(()))
    })
    .await;
    for line in last.lines() {
        story.remark(line);
    }
    if audited.is_err() {
        bail!("`ticketctl audit` finds the books not in order");
    }
    story.step(began.elapsed(), "ticketctl audit finds nothing wrong");
    Ok(())
}
