use crate::{
    db::{
        audit::{self, Action, Target},
        venues::{self, Venue},
    },
    domain::Violations,
    routes::problems::{Failures, Refusals},
    state::AppState,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use common::{
    extract::Json,
    idempotency::{self, Claim, IdempotencyKey},
    identity::Admin,
    problem::{ApiResult, Problem},
};
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::created::Created;

/// A place with halls.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewVenue {
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Olympic Hall")]
    name: String,
    #[schema(
        min_length = 1,
        max_length = 300,
        pattern = r"\S",
        example = "424 Olympic-ro, Songpa-gu"
    )]
    address: String,
    #[schema(min_length = 1, max_length = 100, pattern = r"\S", example = "Seoul")]
    city: String,
}

impl NewVenue {
    /// Name, address and city, if they are sound.
    pub(super) fn check(&self) -> Result<(String, String, String), Problem> {
        let mut violations = Violations::default();
        let name = violations.line("name", &self.name, 200);
        let address = violations.line("address", &self.address, 300);
        let city = violations.line("city", &self.city, 100);
        violations.finish()?;
        Ok((name, address, city))
    }
}

/// A place with halls, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VenueReply {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) city: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl VenueReply {
    /// The tag of this state of the venue, for `If-Match`.
    pub(super) fn etag(&self) -> String {
        etag_of(self.updated_at)
    }
}

/// The tag of the state that a venue has had since then.
pub(super) fn etag_of(updated_at: DateTime<Utc>) -> String {
    format!("\"{}\"", updated_at.timestamp_micros())
}

impl IntoResponse for VenueReply {
    fn into_response(self) -> Response {
        ([(header::ETAG, self.etag())], Json(self)).into_response()
    }
}

impl From<Venue> for VenueReply {
    fn from(venue: Venue) -> Self {
        let Venue {
            id,
            name,
            address,
            city,
            created_at,
            updated_at,
        } = venue;
        Self {
            id,
            name,
            address,
            city,
            created_at,
            updated_at,
        }
    }
}

/// Adds a venue.
#[utoipa::path(
    post,
    path = "/venues",
    tag = "venues",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating this call safe for 24 hours", min_length = 1, max_length = 128, pattern = "^[!-~]+$")),
    request_body = NewVenue,
    responses((status = 201, description = "It exists now", body = VenueReply, headers(("Location" = String), ("ETag" = String))), Refusals, Failures),
)]
pub(crate) async fn create_venue(
    State(state): State<AppState>,
    admin: Admin,
    key: IdempotencyKey,
    Json(request): Json<NewVenue>,
) -> ApiResult<Created<VenueReply>> {
    let (name, address, city) = request.check()?;

    let mut transaction = state.pool.begin().await?;
    let claimed = match idempotency::claim(&mut transaction, admin.id, "POST /venues", &key, &request).await? {
        Claim::Replay { body, .. } => return Ok(Created::replay(body, location)?.tagged(VenueReply::etag)),
        Claim::New(claimed) => claimed,
    };
    let venue = venues::insert(&mut transaction, &name, &address, &city).await?;
    let reply = VenueReply::from(venue);
    audit::record(
        &mut transaction,
        admin.id,
        Action::Created,
        Target::Venue(reply.id),
        &request,
    )
    .await?;
    claimed.complete(&mut transaction, 201, &reply).await?;
    transaction.commit().await?;
    Ok(Created::new(reply, location).tagged(VenueReply::etag))
}

fn location(venue: &VenueReply) -> String {
    format!("/venues/{}", venue.id)
}
