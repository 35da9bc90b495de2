//! `ticketctl saga drive`

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::booking::reservation_of;
use crate::{connection::Database, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Drive {
    /// The reservation's id, or a payment's of it.
    booking: Uuid,
    #[command(flatten)]
    database: Database,
}

/// What makes the payment service do something about a booking, and what that is. Each only makes due now what the service's
/// own workers would do later, or do once more; all of them may be repeated and judge by what they then find.
const PUSHES: [(&str, &str); 4] = [
    (
        "the reservation service is asked where the reservation stands",
        // A saga that believes itself done is asked about only if the reservation says otherwise.
        "update payment_service.payment_sagas as saga
         set next_nudge_at = clock_timestamp(), updated_at = clock_timestamp()
         from payment_service.payments as payment
         where saga.reservation_id = $1
            and payment.id = saga.payment_id
            and payment.status = 'SUCCESS'
            and (
                saga.step = 'PAID'
                or (
                    saga.step = 'CONFIRMED'
                    and not exists (
                        select from reservation_service.reservations
                        where id = saga.reservation_id and status = 'CONFIRMED'
                    )
                )
            )",
    ),
    (
        "PortOne is asked about the payment",
        "update payment_service.payments
         set next_check_at = clock_timestamp()
         where reservation_id = $1 and status <> 'REFUNDED'",
    ),
    (
        "the reservation's lock is given back",
        "update payment_service.payments
         set unlock_due_at = clock_timestamp()
         where reservation_id = $1 and unlock_due_at is not null",
    ),
    (
        "the refund is tried",
        "update payment_service.refunds as refund
         set next_attempt_at = clock_timestamp()
         from payment_service.payments as payment
         where payment.id = refund.payment_id
            and payment.reservation_id = $1
            and refund.status in ('REQUESTED', 'PROCESSING')",
    ),
];

impl Drive {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let reservation = reservation_of(&mut connection, self.booking).await?;
        let mut transaction = connection.begin().await?;
        // The order of locks in the payment service: saga, payments, refunds.
        let step: Option<String> =
            sqlx::query_scalar("select step from payment_service.payment_sagas where reservation_id = $1 for update")
                .bind(reservation)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(step) = step else {
            bail!("nobody began to pay for a reservation {}", self.booking);
        };
        let mut pushed = Vec::new();
        for (what, statement) in PUSHES {
            let rows = sqlx::query(statement)
                .bind(reservation)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if rows > 0 {
                pushed.push(what);
            }
        }
        transaction.commit().await?;
        let given_up = given_up(&mut connection, reservation).await?;
        if !output.json(&json!({ "step": step, "pushed": pushed, "refundsGivenUp": given_up }))? {
            for what in &pushed {
                println!("{what} within a second");
            }
            for payment in &given_up {
                println!("its refund was given up: ticketctl refund retry {payment}");
            }
        }
        ensure!(
            !pushed.is_empty() || !given_up.is_empty(),
            "nothing is left to do: the booking is {step}"
        );
        Ok(())
    }
}

/// The payments whose refunds only `refund retry` puts back.
async fn given_up(connection: &mut PgConnection, reservation: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        r#"
            select refund.payment_id
            from payment_service.refunds as refund
            join payment_service.payments as payment on payment.id = refund.payment_id
            where payment.reservation_id = $1 and refund.status = 'FAILED'
        "#,
    )
    .bind(reservation)
    .fetch_all(connection)
    .await
}
