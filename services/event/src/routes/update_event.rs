use super::{
    create_event::check_tickets,
    get_event::{EventReply, etag_of, no_such_event},
    if_match::IfMatch,
};
use crate::{
    db::{
        audit::{self, Action, Target},
        event_changes::{self, Editable, Written},
        event_end, events, halls, seats,
    },
    domain::{EventTimes, Prices, Violations},
    routes::problems::{AdministratorsOnly, ChangeRefusals, Conditions, Failures, Missing, NotChangeable},
    state::AppState,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    crash,
    extract::{Json, Path},
    identity::Admin,
    problem::{ApiResult, Code, Problem},
};
use messages::{ChangeKind, EventChanged};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// What to change of a concert. What is missing or null stays as it is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EventChangeBody {
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    title: Option<String>,
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    artist: Option<String>,
    /// An empty text removes it.
    #[schema(max_length = 10_000)]
    description: Option<String>,
    /// Another hall gives the concert other seats. Only before the sale.
    hall_id: Option<Uuid>,
    event_start_at: Option<DateTime<Utc>>,
    event_end_at: Option<DateTime<Utc>>,
    /// In the future: puts the sale off. In the past: opens it at once.
    sale_start_at: Option<DateTime<Utc>>,
    sale_end_at: Option<DateTime<Utc>>,
    /// All grades of the hall. Only before the sale.
    prices: Option<Prices>,
    #[schema(minimum = 1, maximum = 1000)]
    max_tickets_per_user: Option<i32>,
}

/// Changes a concert that has not ended. Its hall and prices change only before its sale opens and while nobody has a claim
/// on it, which the reservation service decides: it turns copies of older versions down from then on, and what it has read
/// before a sale opened it does not sell by. The concert's row is locked from the look at the clock to the commit, and the
/// reservation service reads behind that lock. So no hold is ever of a seat or price that is being replaced, also when the
/// sale opens in the middle of it.
///
/// | who dies where | then |
/// |---|---|
/// | the reservation service, or its reply is lost | 503; nothing has changed, and it goes on selling what there is |
/// | we, before the commit | nothing has changed |
/// | we, after it | it is changed; the message leaves when a relay runs; the same request finds another tag, 412 |
#[utoipa::path(
    put,
    path = "/events/{id}",
    tag = "events",
    security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "The concert"),
        ("If-Match" = String, Header, description = "The ETag of the concert as it was when the change was decided"),
    ),
    request_body = EventChangeBody,
    responses(
        (status = 200, description = "The concert as it is now", body = EventReply, headers(("ETag" = String))),
        ChangeRefusals, AdministratorsOnly, Missing, NotChangeable, Conditions, Failures,
    ),
)]
pub(crate) async fn update_event(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<Uuid>,
    condition: IfMatch,
    Json(request): Json<EventChangeBody>,
) -> ApiResult<EventReply> {
    let seen = {
        let mut connection = state.pool.acquire().await?;
        event_changes::find(&mut connection, id)
            .await?
            .ok_or_else(no_such_event)?
    };
    let wish = Wish::new(&seen, &condition, &request)?;
    if wish.replaces_seats_or_prices() && state.reservations.claims_from(id, seen.version).await?.exists {
        return Err(Problem::new(Code::EventLocked).detail("Somebody has seats of it."));
    }
    crash::point("event.change.claims-looked-at");

    let mut transaction = state.pool.begin().await?;
    event_end::lock(&mut transaction, id).await?;
    let before = event_changes::find(&mut transaction, id).await?;
    let before = before.ok_or_else(no_such_event)?;
    if before.version != seen.version {
        return Err(Problem::new(Code::PreconditionFailed));
    }
    // By the time after the lock.
    let wish = Wish::new(&before, &condition, &request)?;
    if wish.after != before.event || wish.prices.is_some() {
        apply(&mut transaction, &before, wish).await?;
        audit::record(&mut transaction, admin.id, Action::Changed, Target::Event(id), &request).await?;
    }
    let reply = EventReply::read(&mut transaction, id, state.clock.now()).await?;
    let reply = reply.ok_or_else(no_such_event)?;
    state.outbox.commit(transaction).await?;
    crash::point("event.change.committed");
    state.reads.changed(&[id]).await;
    Ok(reply)
}

/// A concert as it shall be.
struct Wish {
    after: Editable,
    /// Only if they are others.
    prices: Option<Prices>,
    /// Whether it moves to another hall.
    moves: bool,
}

impl Wish {
    /// What the request makes of the concert, if the concert allows it.
    fn new(seen: &event_changes::Found, condition: &IfMatch, request: &EventChangeBody) -> ApiResult<Self> {
        condition.require(&etag_of(seen.version))?;
        if seen.cancelled || seen.ended {
            let detail = if seen.cancelled {
                "It is cancelled."
            } else {
                "Its sale is over."
            };
            return Err(Problem::new(Code::EventLocked).detail(detail));
        }
        let wish = Self {
            after: changed(&seen.event, request)?,
            prices: request.prices.filter(|prices| *prices != seen.prices),
            moves: request.hall_id.is_some_and(|hall| hall != seen.event.hall_id),
        };
        if wish.replaces_seats_or_prices() && seen.begun {
            return Err(Problem::new(Code::EventLocked).detail("It is on sale."));
        }
        Ok(wish)
    }

    fn replaces_seats_or_prices(&self) -> bool {
        self.moves || self.prices.is_some()
    }
}

/// The concert with the request's fields, without what depends on the hall.
fn changed(event: &Editable, request: &EventChangeBody) -> ApiResult<Editable> {
    let mut violations = Violations::default();
    let mut line = |field, given: &Option<String>, before: &String| match given {
        Some(text) => violations.line(field, text, 200),
        None => before.clone(),
    };
    let title = line("title", &request.title, &event.title);
    let artist = line("artist", &request.artist, &event.artist);
    let description = match &request.description {
        Some(text) => violations.paragraphs("description", Some(text), 10_000),
        None => event.description.clone(),
    };
    let times = EventTimes {
        event_start_at: request.event_start_at.unwrap_or(event.times.event_start_at),
        event_end_at: request.event_end_at.unwrap_or(event.times.event_end_at),
        sale_start_at: request.sale_start_at.unwrap_or(event.times.sale_start_at),
        sale_end_at: request.sale_end_at.unwrap_or(event.times.sale_end_at),
    };
    times.check(&mut violations);
    let max_tickets_per_user = request.max_tickets_per_user.unwrap_or(event.max_tickets_per_user);
    check_tickets(max_tickets_per_user, &mut violations);
    if let Some(prices) = &request.prices {
        prices.check(&mut violations);
    }
    violations.finish()?;
    Ok(Editable {
        title,
        artist,
        description,
        hall_id: request.hall_id.unwrap_or(event.hall_id),
        venue_id: event.venue_id,
        times,
        max_tickets_per_user,
    })
}

/// Writes the locked concert as it shall be, its seats and prices if they are others, and the message about it.
async fn apply(connection: &mut PgConnection, before: &event_changes::Found, wish: Wish) -> ApiResult<()> {
    let Wish {
        mut after,
        prices,
        moves,
    } = wish;
    let replaced = prices.is_some() || moves;
    if replaced {
        let hall = halls::find_for_share(connection, after.hall_id).await?;
        let hall = hall.ok_or_else(|| Problem::new(Code::NotFound).detail("There is no such hall."))?;
        let template = &hall.seat_template.0;
        let prices = prices.unwrap_or(before.prices);
        let mut violations = Violations::default();
        prices.check_against(template, &mut violations);
        violations.finish()?;
        after.venue_id = hall.venue_id;
        // Seats, their map, then grades, as the projection locks them.
        if moves {
            if !seats::remove_unclaimed(connection, before.id).await? {
                return Err(Problem::new(Code::EventLocked).detail("Seats of it show as sold."));
            }
            seats::create(connection, before.id, template, &prices).await?;
            events::delete_grades(connection, before.id).await?;
            events::insert_grades(connection, before.id, template, &prices).await?;
        } else {
            seats::reprice(connection, before.id, &prices).await?;
            events::reprice_grades(connection, before.id, &prices).await?;
        }
    }
    let written = event_changes::write(connection, before.id, &after).await?;
    outbox::enqueue(connection, &message(before.id, after, written)).await?;
    Ok(())
}

/// Tells the others what the concert is like from now on.
pub(super) fn message(id: Uuid, event: Editable, written: Written) -> EventChanged {
    EventChanged {
        concert_id: id,
        change: ChangeKind::Updated,
        version: written.version,
        title: event.title,
        event_start_at: event.times.event_start_at,
        event_end_at: event.times.event_end_at,
        sale_start_at: event.times.sale_start_at,
        sale_end_at: event.times.sale_end_at,
        max_tickets_per_user: event.max_tickets_per_user,
        changed_at: written.changed_at,
    }
}
