//! Which booking is meant.

use sqlx::PgConnection;
use uuid::Uuid;

/// The reservation of this id, or of the payment of this id, as audits and logs name either.
pub(super) async fn reservation_of(connection: &mut PgConnection, id: Uuid) -> Result<Uuid, sqlx::Error> {
    let reservation: Option<Uuid> =
        sqlx::query_scalar("select reservation_id from payment_service.payments where id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    Ok(reservation.unwrap_or(id))
}
