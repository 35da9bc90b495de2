use super::{created::Created, get_event::EventReply};
use crate::{
    db::{
        audit::{self, Action, Target},
        events::{self, NewEvent},
        halls, seats,
    },
    domain::{EventTimes, Prices, Violations},
    routes::problems::{Failures, Missing, Refusals},
    state::AppState,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::Json,
    idempotency::{self, Claim, IdempotencyKey},
    identity::Admin,
    problem::{ApiResult, Code, Problem},
};
use messages::{ChangeKind, EventChanged};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// A concert to announce.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewEventBody {
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Winter concert")]
    title: String,
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "The Band")]
    artist: String,
    #[schema(max_length = 10_000)]
    description: Option<String>,
    /// Where: its seats are made from this hall's template.
    hall_id: Uuid,
    event_start_at: DateTime<Utc>,
    /// After its start.
    event_end_at: DateTime<Utc>,
    /// May lie in the past: on sale at once.
    sale_start_at: DateTime<Utc>,
    /// After the sale's start, not after the concert's end.
    sale_end_at: DateTime<Utc>,
    prices: Prices,
    /// Default 4.
    #[schema(minimum = 1, maximum = 1000)]
    max_tickets_per_user: Option<i32>,
}

/// Announces a concert and makes its seats from the hall's template.
#[utoipa::path(
    post,
    path = "/events",
    tag = "events",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating this call safe for 24 hours", min_length = 1, max_length = 128, pattern = "^[!-~]+$")),
    request_body = NewEventBody,
    responses((status = 201, description = "It exists now", body = EventReply, headers(("Location" = String), ("ETag" = String))), Refusals, Missing, Failures),
)]
pub(crate) async fn create_event(
    State(state): State<AppState>,
    admin: Admin,
    key: IdempotencyKey,
    Json(request): Json<NewEventBody>,
) -> ApiResult<Created<EventReply>> {
    let checked = check(&request, state.default_max_tickets)?;

    let mut transaction = state.pool.begin().await?;
    let claimed = match idempotency::claim(&mut transaction, admin.id, "POST /events", &key, &request).await? {
        Claim::Replay { body, .. } => return Ok(Created::replay(body, location)?.tagged(EventReply::etag)),
        Claim::New(claimed) => claimed,
    };
    let id = announce(&mut transaction, checked, &request.prices).await?;
    audit::record(&mut transaction, admin.id, Action::Created, Target::Event(id), &request).await?;
    let reply = EventReply::read(&mut transaction, id, state.clock.now()).await?;
    let reply = reply.ok_or_else(|| Problem::internal(&"an event is gone in the transaction that made it"))?;
    claimed.complete(&mut transaction, 201, &reply).await?;
    state.outbox.commit(transaction).await?;
    state.reads.changed(&[id]).await;
    Ok(Created::new(reply, location).tagged(EventReply::etag))
}

/// The request by itself, without what depends on the hall.
struct Checked {
    title: String,
    artist: String,
    description: Option<String>,
    hall_id: Uuid,
    times: EventTimes,
    max_tickets_per_user: i32,
}

fn check(request: &NewEventBody, default_max_tickets: i32) -> ApiResult<Checked> {
    let mut violations = Violations::default();
    let checked = Checked {
        title: violations.line("title", &request.title, 200),
        artist: violations.line("artist", &request.artist, 200),
        description: violations.paragraphs("description", request.description.as_deref(), 10_000),
        hall_id: request.hall_id,
        times: EventTimes {
            event_start_at: request.event_start_at,
            event_end_at: request.event_end_at,
            sale_start_at: request.sale_start_at,
            sale_end_at: request.sale_end_at,
        },
        max_tickets_per_user: request.max_tickets_per_user.unwrap_or(default_max_tickets),
    };
    checked.times.check(&mut violations);
    request.prices.check(&mut violations);
    check_tickets(checked.max_tickets_per_user, &mut violations);
    violations.finish()?;
    Ok(checked)
}

/// How many tickets one buyer may have.
pub(super) fn check_tickets(tickets: i32, violations: &mut Violations) {
    violations.require(
        (1..=1000).contains(&tickets),
        "maxTicketsPerUser",
        "must be from 1 to 1000",
    );
}

/// Writes the concert, its grades, its seats and the message about it.
async fn announce(connection: &mut PgConnection, checked: Checked, prices: &Prices) -> ApiResult<Uuid> {
    let hall = halls::find_for_share(connection, checked.hall_id).await?;
    let hall = hall.ok_or_else(|| Problem::new(Code::NotFound).detail("There is no such hall."))?;
    let template = &hall.seat_template.0;
    let mut violations = Violations::default();
    prices.check_against(template, &mut violations);
    violations.finish()?;

    let Checked {
        title,
        artist,
        description,
        hall_id,
        times,
        max_tickets_per_user,
    } = checked;
    let event = NewEvent {
        title,
        artist,
        description,
        venue_id: hall.venue_id,
        hall_id,
        times,
        max_tickets_per_user,
    };
    let created = events::insert(connection, &event).await?;
    events::insert_grades(connection, created.id, template, prices).await?;
    seats::create(connection, created.id, template, prices).await?;
    let changed = EventChanged {
        concert_id: created.id,
        change: ChangeKind::Created,
        version: created.version,
        title: event.title,
        event_start_at: times.event_start_at,
        event_end_at: times.event_end_at,
        sale_start_at: times.sale_start_at,
        sale_end_at: times.sale_end_at,
        max_tickets_per_user,
        changed_at: created.created_at,
    };
    outbox::enqueue(connection, &changed).await?;
    Ok(created.id)
}

fn location(event: &EventReply) -> String {
    format!("/events/{}", event.id())
}
