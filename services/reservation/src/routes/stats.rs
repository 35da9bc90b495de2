use super::problems::{Failures, Forbidden, Unauthenticated};
use crate::{
    db::standing::{self, Bookings},
    state::AppState,
};
use axum::extract::State;
use common::{extract::Json, identity::Admin, vitals::Vitals};
use serde::Serialize;
use utoipa::ToSchema;

/// What is under way, and how the process that answers is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReservationStats {
    /// Null while the database does not answer.
    #[schema(required = true)]
    bookings: Option<BookingsUnderWay>,
    process: Vitals,
}

/// Bookings that are not at their end.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BookingsUnderWay {
    /// Holds, those being paid included.
    held: i64,
    /// Those being paid.
    paying: i64,
    /// Those that should have ended and have not; more than a moment means that the sweep does not run.
    overdue: i64,
    /// Holds of the last minute.
    lately_held: i64,
    /// Those of them that are confirmed already.
    lately_confirmed: i64,
    /// Cancelled concerts whose bookings are being ended.
    events_closing: i64,
}

impl From<Bookings> for BookingsUnderWay {
    fn from(bookings: Bookings) -> Self {
        Self {
            held: bookings.held,
            paying: bookings.paying,
            overdue: bookings.overdue,
            lately_held: bookings.lately_held,
            lately_confirmed: bookings.lately_confirmed,
            events_closing: bookings.events_closing,
        }
    }
}

/// Tells what is under way. What is told is a second old at most, and costs the same for any number of who ask.
#[utoipa::path(
    get,
    path = "/reservations/admin/stats",
    tag = "reservation administration",
    security(("bearer" = [])),
    responses((status = 200, description = "The numbers now", body = ReservationStats), Forbidden, Unauthenticated, Failures),
)]
pub(crate) async fn stats(State(state): State<AppState>, _admin: Admin) -> Json<ReservationStats> {
    let counted = state.bookings.get(|| async {
        let mut connection = state.pool.acquire().await?;
        Ok(standing::count(&mut connection).await?)
    });
    Json(ReservationStats {
        bookings: counted.await.ok().map(BookingsUnderWay::from),
        process: Vitals::now(),
    })
}
