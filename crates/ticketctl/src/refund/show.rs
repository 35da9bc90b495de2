//! `ticketctl refund show`

use anyhow::Context;
use clap::Args;
use uuid::Uuid;

use super::row;
use crate::{connection::Database, output::Output, text};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The payment's id.
    payment: Uuid,
    #[command(flatten)]
    database: Database,
}

impl Show {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let refund = row::find(&mut connection, Some(self.payment), None, 1)
            .await?
            .pop()
            .with_context(|| format!("there is no refund of a payment {}", self.payment))?;
        if output.json(&refund)? {
            return Ok(());
        }
        let time = |time| text::time(Some(time));
        println!("status       {} (payment {})", refund.state(), refund.payment_status);
        println!("payment      {}", refund.payment_id);
        println!("reservation  {}", refund.reservation_id);
        println!("amount       {} won", refund.amount);
        println!("reason       {}", refund.reason);
        println!(
            "requested    {}, {} ago",
            time(refund.requested_at),
            text::age(refund.age_seconds)
        );
        println!("attempts     {}", refund.attempts);
        println!("next attempt {}", text::time(refund.next_attempt_at));
        println!("given up at  {}", time(refund.deadline_at));
        println!("completed    {}", text::time(refund.completed_at));
        println!("last error   {}", refund.last_error.as_deref().unwrap_or("-"));
        if refund.status == "FAILED" {
            println!(
                "\nWhen PortOne would take it: ticketctl refund retry {}",
                refund.payment_id
            );
        }
        Ok(())
    }
}
