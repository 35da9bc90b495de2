use super::{created::Created, get_venue::no_such_venue};
use crate::{
    db::{
        audit::{self, Action, Target},
        halls::{self, Hall},
    },
    domain::{SeatTemplate, Violations},
    routes::problems::{Failures, Missing, Refusals},
    state::AppState,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::{Json, Path},
    idempotency::{self, Claim, IdempotencyKey},
    identity::Admin,
    problem::{ApiResult, Problem},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A hall and how its seats are laid out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewHall {
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Main hall")]
    name: String,
    pub(super) seat_template: SeatTemplate,
}

impl NewHall {
    /// The name, if it and the layout are sound.
    pub(super) fn check(&self) -> Result<String, Problem> {
        let mut violations = Violations::default();
        let name = violations.line("name", &self.name, 200);
        self.seat_template.check("seatTemplate", &mut violations);
        violations.finish()?;
        Ok(name)
    }
}

/// A hall, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HallReply {
    id: Uuid,
    venue_id: Uuid,
    name: String,
    /// How many seats the template gives.
    capacity: i32,
    seat_template: SeatTemplate,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Hall> for HallReply {
    fn from(hall: Hall) -> Self {
        let Hall {
            id,
            venue_id,
            name,
            capacity,
            seat_template,
            created_at,
            updated_at,
        } = hall;
        Self {
            id,
            venue_id,
            name,
            capacity,
            seat_template: seat_template.0,
            created_at,
            updated_at,
        }
    }
}

/// Adds a hall to a venue.
#[utoipa::path(
    post,
    path = "/venues/{venueId}/halls",
    tag = "venues",
    security(("bearer" = [])),
    params(
        ("venueId" = Uuid, Path, description = "The venue"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating this call safe for 24 hours", min_length = 1, max_length = 128, pattern = "^[!-~]+$"),
    ),
    request_body = NewHall,
    responses((status = 201, description = "It exists now", body = HallReply, headers(("Location" = String))), Refusals, Missing, Failures),
)]
pub(crate) async fn create_hall(
    State(state): State<AppState>,
    admin: Admin,
    Path(venue_id): Path<Uuid>,
    key: IdempotencyKey,
    Json(request): Json<NewHall>,
) -> ApiResult<Created<HallReply>> {
    let name = request.check()?;

    let mut transaction = state.pool.begin().await?;
    let route = format!("POST /venues/{venue_id}/halls");
    let claimed = match idempotency::claim(&mut transaction, admin.id, &route, &key, &request).await? {
        Claim::Replay { body, .. } => return Created::replay(body, location),
        Claim::New(claimed) => claimed,
    };
    let hall = halls::insert(&mut transaction, venue_id, &name, &request.seat_template).await?;
    let reply = HallReply::from(hall.ok_or_else(no_such_venue)?);
    audit::record(
        &mut transaction,
        admin.id,
        Action::Created,
        Target::Hall(reply.id),
        &request,
    )
    .await?;
    claimed.complete(&mut transaction, 201, &reply).await?;
    transaction.commit().await?;
    Ok(Created::new(reply, location))
}

fn location(hall: &HallReply) -> String {
    format!("/venues/{}/halls/{}", hall.venue_id, hall.id)
}
