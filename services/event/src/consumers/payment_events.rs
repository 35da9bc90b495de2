use crate::{domain::Claim, projection::project};
use messages::{Envelope, Message, PaymentSuccess};
use outbox::{Handled, Handler, HandlerError};
use sqlx::PgConnection;

/// `payment.events`: captured money is a claim. Failures and refunds say nothing of seats here; the reservation service
/// releases them and says so itself.
pub(crate) struct PaymentEvents;

impl Handler for PaymentEvents {
    const TYPES: &'static [&'static str] = &[PaymentSuccess::TYPE];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let paid: PaymentSuccess = message.decode()?;
        project(
            transaction,
            paid.concert_id,
            &paid.seat_ids,
            paid.reservation_id,
            Claim::Paid,
        )
        .await?;
        Ok(Handled::done())
    }
}
