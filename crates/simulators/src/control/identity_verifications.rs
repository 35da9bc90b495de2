use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::ControlJson;
use super::json::BadControl;
use crate::identity::{IdentityStatus, IdentityVerification};
use crate::state::Simulators;

/// Who the buyer proves to be. `ci` and `di` say the same for the same person, so leaving them out means somebody new;
/// `null` stands for a verification agency that does not hand them out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateRequest {
    name: String,
    phone: String,
    birth_date: Option<String>,
    #[serde(default, deserialize_with = "given")]
    ci: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    di: Option<Option<String>>,
    #[serde(default)]
    status: IdentityStatus,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateReply {
    identity_verification_id: String,
}

/// `POST /control/identity-verifications`: the buyer in front of the verification window, done at once.
pub(crate) async fn create(
    State(simulators): State<Arc<Simulators>>,
    ControlJson(request): ControlJson<CreateRequest>,
) -> Result<(StatusCode, Json<CreateReply>), BadControl> {
    let birth_date = request.birth_date.unwrap_or_else(|| "1990-01-01".to_owned());
    if chrono::NaiveDate::parse_from_str(&birth_date, "%Y-%m-%d").is_err() || birth_date.len() != 10 {
        return Err(BadControl("birthDate is not a date like 1990-01-01".to_owned()));
    }
    let now = simulators.config.clock.now();
    let verification = IdentityVerification {
        id: format!("iv{}", Uuid::new_v4().simple()),
        status: request.status,
        name: request.name,
        phone_number: request.phone.chars().filter(char::is_ascii_digit).collect(),
        birth_date,
        ci: request
            .ci
            .unwrap_or_else(|| Some(STANDARD.encode(rand::random::<[u8; 64]>()))),
        di: request
            .di
            .unwrap_or_else(|| Some(STANDARD.encode(rand::random::<[u8; 48]>()))),
        pg_tx_id: format!("sim{}", Uuid::new_v4().simple()),
        at: now,
    };
    let identity_verification_id = verification.id.clone();
    simulators.identities.insert(verification);
    Ok((
        StatusCode::CREATED,
        Json(CreateReply {
            identity_verification_id,
        }),
    ))
}

/// Tells `null` from a field that is not there.
fn given<'de, D>(deserializer: D) -> Result<Option<Option<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
