use super::{
    hold_problems,
    problems::{Failures, HoldProblems, MissingEvent, Unauthenticated},
};
use crate::{
    db,
    domain::{Reservation, ReservedSeat, SeatSelection, Status, Tickets},
    holding::{self, Answer, Wish},
    state::AppState,
};
use axum::http::{HeaderMap, StatusCode};
use axum::{extract::State, response::IntoResponse};
use chrono::{DateTime, Utc};
use common::{
    extract::Json,
    idempotency::IdempotencyKey,
    identity::User,
    problem::{ApiResult, Code, Problem},
    traces,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Which seats are wanted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HoldRequest {
    /// The event.
    event_id: Uuid,
    /// Its seats, none twice.
    #[schema(min_items = 1, max_items = 4)]
    seat_ids: Vec<Uuid>,
}

/// The hold.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HoldReply {
    /// The reservation.
    reservation_id: Uuid,
    /// The event.
    event_id: Uuid,
    /// `PENDING`: it waits for the payment.
    status: Status,
    /// The seats with the prices that now hold.
    seats: Vec<ReservedSeat>,
    /// Won.
    total_amount: i64,
    /// When the seats are free for others unless a payment runs.
    hold_expires_at: DateTime<Utc>,
    /// `qp_…` for `POST /payments`; null if none could be made right now, or the hold is over. Ask for another one at
    /// `POST /reservations/hold/{id}/payment-token`.
    payment_token: Option<String>,
}

impl HoldReply {
    /// A hold just made.
    pub(crate) fn created(tickets: &Tickets, seats: Vec<ReservedSeat>, hold_expires_at: DateTime<Utc>) -> Self {
        Self {
            reservation_id: tickets.reservation_id,
            event_id: tickets.event_id,
            status: Status::Pending,
            total_amount: seats.iter().map(|seat| seat.price).sum(),
            seats,
            hold_expires_at,
            payment_token: None,
        }
    }

    /// A hold made before.
    pub(crate) fn of(reservation: &Reservation) -> Self {
        Self::created(
            &reservation.tickets(),
            reservation.seats.clone(),
            reservation.hold_expires_at,
        )
    }
}

/// Holds up to four seats for five minutes, all or none. The same seats again give the same reservation.
#[utoipa::path(
    post,
    path = "/reservations/hold",
    tag = "reservations",
    security(("bearer" = [])),
    params(
        ("X-Queue-Token" = String, Header, description = "The `qr_` token of the admission"),
        ("Idempotency-Key" = Option<String>, Header, description = "1–128 visible characters; good for 24 hours"),
    ),
    request_body = HoldRequest,
    responses(
        (status = 201, description = "The seats are held", body = HoldReply),
        (status = 200, description = "They were held by this user before", body = HoldReply),
        HoldProblems,
        Unauthenticated,
        MissingEvent,
        Failures,
    ),
)]
pub(crate) async fn hold_seats(
    State(state): State<AppState>,
    user: User,
    headers: HeaderMap,
    key: IdempotencyKey,
    Json(body): Json<HoldRequest>,
) -> ApiResult<impl IntoResponse> {
    traces::note("event.id", || body.event_id.to_string());
    let token = queue_token(&headers)?;
    let max_per_booking = state.limits.max_tickets_per_booking;
    let selection = SeatSelection::new(body.seat_ids.clone(), max_per_booking)
        .map_err(|error| hold_problems::bad_selection(error, max_per_booking))?;
    let answer = match holding::earlier_answer(&state, user.id, &key, &body).await? {
        Some(answer) => answer,
        None => {
            let (grant, event) = tokio::join!(
                state.queue.grant(token, user.id, body.event_id),
                state.catalogue.get(body.event_id)
            );
            let grant_id = grant?.ok_or_else(|| Problem::new(Code::QueueTokenInvalid))?;
            let wish = Wish {
                user_id: user.id,
                event: event?,
                selection,
                grant_id,
                key,
                body,
            };
            holding::hold_seats(&state, wish).await?
        }
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let Answer { reply, replayed, .. } = answer;
    traces::note("reservation.id", || reply.reservation_id.to_string());
    let reply = if replayed && !is_payable(&state, user.id, reply.reservation_id).await? {
        reply
    } else {
        with_payment_token(&state, user.id, reply).await
    };
    Ok((status, Json(reply)))
}

fn queue_token(headers: &HeaderMap) -> ApiResult<&str> {
    let token = headers
        .get("x-queue-token")
        .ok_or_else(|| Problem::new(Code::QueueTokenRequired))?;
    let token = token
        .to_str()
        .ok()
        .filter(|token| token.starts_with("qr_") && token.len() <= 128);
    token.ok_or_else(|| Problem::new(Code::QueueTokenInvalid))
}

/// Adds a fresh payment token. A failure here undoes nothing: the buyer asks again.
pub(super) async fn with_payment_token(state: &AppState, user_id: Uuid, mut reply: HoldReply) -> HoldReply {
    let expires_at = Some(reply.hold_expires_at);
    match state
        .queue
        .issue_payment_token(user_id, reply.event_id, reply.reservation_id, expires_at)
        .await
    {
        Ok(token) => reply.payment_token = Some(token.payment_token),
        Err(error) => tracing::warn!(
            reservation.id = %reply.reservation_id,
            error.message = %error,
            "a hold is answered without a payment token"
        ),
    }
    reply
}

async fn is_payable(state: &AppState, user_id: Uuid, id: Uuid) -> ApiResult<bool> {
    let mut connection = state.pool.acquire().await?;
    let read = db::find_of_user(&mut connection, id, user_id).await?;
    Ok(read.is_some_and(|read| read.reservation.status == Status::Pending && db::time_left(&read).is_some()))
}
