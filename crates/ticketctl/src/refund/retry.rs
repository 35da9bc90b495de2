//! `ticketctl refund retry`

use anyhow::ensure;
use clap::Args;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::row;
use crate::{connection::Database, output::Output, text};

/// As the payment service's own `REFUND_RETRY_FOR_SECONDS`.
const HOURS: i32 = 24;

#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The payments' ids.
    #[arg(required_unless_present = "all_failed")]
    payments: Vec<Uuid>,
    /// All that were given up.
    #[arg(long, conflicts_with = "payments")]
    all_failed: bool,
    #[command(flatten)]
    database: Database,
}

impl Retry {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let wanted = (!self.all_failed).then_some(self.payments.as_slice());
        let again = put_back(&mut connection, wanted).await?;
        let mut refused = Vec::new();
        for payment in wanted.unwrap_or_default() {
            if !again.iter().any(|(id, _)| id == payment) {
                refused.push(why_not(&mut connection, *payment).await?);
            }
        }
        let back: Vec<_> = again
            .iter()
            .map(|(payment, amount)| json!({ "paymentId": payment, "amount": amount }))
            .collect();
        if !output.json(&json!({ "putBack": back, "refused": refused }))? {
            for (payment, amount) in &again {
                println!("the refund of payment {payment} ({amount} won) is tried again now, and for {HOURS} h");
            }
            println!("{} refunds put back.", again.len());
        }
        ensure!(refused.is_empty(), "{}", refused.join("; "));
        Ok(())
    }
}

/// FAILED → REQUESTED. The count of attempts goes on, because each try has an idempotency key of its own and PortOne answers
/// a repeated key with its old answer. The booking's saga is left alone: it has been REFUNDING all the time.
async fn put_back(connection: &mut PgConnection, payments: Option<&[Uuid]>) -> Result<Vec<(Uuid, i64)>, sqlx::Error> {
    sqlx::query_as(
        r#"
            update payment_service.refunds
            set status = 'REQUESTED',
                next_attempt_at = clock_timestamp(),
                deadline_at = clock_timestamp() + make_interval(hours => $2)
            where status = 'FAILED' and ($1::uuid[] is null or payment_id = any($1))
            returning payment_id, amount
        "#,
    )
    .bind(payments)
    .bind(HOURS)
    .fetch_all(connection)
    .await
}

async fn why_not(connection: &mut PgConnection, payment: Uuid) -> anyhow::Result<String> {
    let refund = row::find(connection, Some(payment), None, 1).await?.pop();
    Ok(match refund {
        None => format!("there is no refund of a payment {payment}"),
        Some(refund) if refund.status == "SUCCEEDED" => format!(
            "the refund of payment {payment} SUCCEEDED at {}",
            text::time(refund.completed_at)
        ),
        Some(refund) => format!(
            "the refund of payment {payment} is {}; the payment service tries it by itself, next at {}",
            refund.status,
            text::time(refund.next_attempt_at)
        ),
    })
}
