use crate::{state::AppState, waiting_line::TokenKind};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{extract::Json, problem::ApiResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The token and what it must be good for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TokenQuestion {
    token: String,
    #[serde(rename = "type")]
    kind: TokenKind,
    user_id: Uuid,
    event_id: Uuid,
    reservation_id: Option<Uuid>,
}

/// Whether it is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenAnswer {
    valid: bool,
    /// The grant that names it; none for payment tokens.
    grant_id: Option<String>,
    expires_at: Option<DateTime<Utc>>,
}

/// Judges a token. Without Redis the answer is 503, never "invalid".
pub(crate) async fn validate_token(
    State(state): State<AppState>,
    Json(question): Json<TokenQuestion>,
) -> ApiResult<Json<TokenAnswer>> {
    let TokenQuestion {
        token,
        kind,
        user_id,
        event_id,
        reservation_id,
    } = question;
    let (grant_id, expires_at) = match kind {
        // The grant alone decides: it knows its token, and ends before the copy that the gateway reads.
        TokenKind::Reservation => state
            .line
            .place_of_token(event_id, user_id, &token)
            .await?
            .map_or((None, None), |place| (Some(place.grant_id), Some(place.expires_at))),
        TokenKind::Payment => (
            None,
            state
                .line
                .payment_token_end(&token, user_id, event_id, reservation_id)
                .await?,
        ),
    };
    Ok(Json(TokenAnswer {
        valid: expires_at.is_some(),
        grant_id,
        expires_at,
    }))
}
