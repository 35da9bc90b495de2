use messages::ReservationConfirmed;
use sqlx::PgConnection;

use crate::{db, domain::ReservationStatus};

/// The booking is done.
pub(super) async fn handle(connection: &mut PgConnection, message: &ReservationConfirmed) -> Result<(), sqlx::Error> {
    let (reservation, version) = (message.reservation_id, message.reservation_version);
    if db::sagas::note_reservation(connection, reservation, ReservationStatus::Confirmed, version).await? {
        db::sagas::confirm(connection, reservation, message.payment_id).await?;
    }
    Ok(())
}
