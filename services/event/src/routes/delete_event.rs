use super::get_event::no_such_event;
use crate::{
    db::{
        audit::{self, Action, Target},
        event_end, events,
    },
    routes::problems::{AdministratorsOnly, BadParameters, Failures, Missing, NotDeletable},
    state::AppState,
};
use axum::extract::State;
use common::{
    crash,
    extract::Path,
    identity::Admin,
    problem::{ApiResult, Code, Problem},
};
use http::StatusCode;
use messages::{ChangeKind, EventChanged};
use uuid::Uuid;

/// Deletes a concert that has never been on sale.
///
/// The reservation service closes it first, and only if nobody has a claim on it: from then on nobody can get one, so what
/// is deleted afterwards is nobody's. Whoever waits for it in the queue is sent away by the message of the deletion.
///
/// | who dies where | then |
/// |---|---|
/// | we, before it is closed | nothing has happened |
/// | the reservation service, or its reply is lost | 503; it may be closed, and the same request goes on from there |
/// | we, between closing and deleting | it is there and sells nothing; the same request goes on, even if its sale has opened |
/// | we, after the commit | it is gone; the message leaves when a relay runs; the same request finds nothing, 404 |
#[utoipa::path(
    delete,
    path = "/events/{id}",
    tag = "events",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The concert")),
    responses(
        (status = 204, description = "It is gone"),
        BadParameters, AdministratorsOnly, Missing, NotDeletable, Failures,
    ),
)]
pub(crate) async fn delete_event(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<Uuid>,
) -> ApiResult<StatusCode> {
    let sale = event_end::sale(&state.pool, id).await?.ok_or_else(no_such_event)?;
    // Closed and yet not cancelled: an earlier deletion came this far before the sale opened.
    if sale.begun && (sale.cancelled || !state.reservations.claims(id).await?.closed) {
        return Err(Problem::new(Code::EventLocked));
    }
    if state.reservations.close_unclaimed(id).await?.exists {
        return Err(Problem::new(Code::EventHasReservations));
    }
    crash::point("event.delete.closed");
    delete(&state, admin, id).await?;
    tracing::info!(event.id = %id, "an event is deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a closed concert and tells the others.
async fn delete(state: &AppState, admin: Admin, id: Uuid) -> ApiResult<()> {
    let mut transaction = state.pool.begin().await?;
    event_end::lock(&mut transaction, id).await?;
    let event = events::find(&mut *transaction, id).await?.ok_or_else(no_such_event)?;
    // Cancelled since we looked: what has been on sale is kept, because buyers' reservations speak of it.
    let sale = event_end::sale(&mut *transaction, id).await?;
    if sale.is_some_and(|sale| sale.begun && sale.cancelled) {
        return Err(Problem::new(Code::EventLocked));
    }
    let deleted = event_end::delete(&mut transaction, id).await?;
    let message = EventChanged {
        concert_id: id,
        change: ChangeKind::Deleted,
        version: event.version + 1,
        title: event.title,
        event_start_at: event.event_start_at,
        event_end_at: event.event_end_at,
        sale_start_at: event.sale_start_at,
        sale_end_at: event.sale_end_at,
        max_tickets_per_user: event.max_tickets_per_user,
        changed_at: deleted.at,
    };
    audit::record(&mut transaction, admin.id, Action::Deleted, Target::Event(id), &message).await?;
    outbox::enqueue(&mut transaction, &message).await?;
    state.outbox.commit(transaction).await?;
    crash::point("event.delete.committed");
    state.reads.changed(&[id]).await;
    if let Some(poster) = deleted.poster_key {
        state.posters.remove(&poster).await;
    }
    Ok(())
}
