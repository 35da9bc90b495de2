//! `ticketctl refund list`

use clap::Args;

use super::row;
use crate::{connection::Database, output::Output, text};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this status, SUCCEEDED too.
    #[arg(long, ignore_case = true, value_parser = ["REQUESTED", "PROCESSING", "SUCCEEDED", "FAILED"])]
    status: Option<String>,
    /// No more than these.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    database: Database,
}

impl List {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let status = self.status.map(|status| status.to_ascii_uppercase());
        let refunds = row::find(&mut connection, None, status.as_deref(), self.limit.into()).await?;
        if output.json(&refunds)? {
            return Ok(());
        }
        for refund in &refunds {
            println!(
                "{:<10} payment {} of reservation {}: {} won since {}, {} attempts: {}",
                refund.state(),
                refund.payment_id,
                refund.reservation_id,
                refund.amount,
                text::age(refund.age_seconds),
                refund.attempts,
                refund.last_error.as_deref().unwrap_or("no error"),
            );
        }
        let failed = refunds.iter().filter(|refund| refund.status == "FAILED").count();
        println!("{} refunds, {failed} of them FAILED.", refunds.len());
        Ok(())
    }
}
