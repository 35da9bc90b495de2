//! PortOne's identity verification: made through the control side, read by the server. PortOne sends no webhook for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faults::{Provider, strike_provider};
use crate::journal::{Entry, Journal};
use crate::portone::PortoneError;
use crate::portone::authorization::demand_store;
use crate::state::{Simulators, lock};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum IdentityStatus {
    Ready,
    #[default]
    Verified,
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IdentityVerification {
    pub(crate) id: String,
    pub(crate) status: IdentityStatus,
    pub(crate) name: String,
    /// Digits only.
    pub(crate) phone_number: String,
    /// `yyyy-MM-dd`.
    pub(crate) birth_date: String,
    pub(crate) ci: Option<String>,
    pub(crate) di: Option<String>,
    pub(crate) pg_tx_id: String,
    pub(crate) at: DateTime<Utc>,
}

pub(crate) struct Identities {
    journal: Arc<Journal>,
    by_id: Mutex<HashMap<String, IdentityVerification>>,
}

impl Identities {
    pub(crate) fn new(journal: Arc<Journal>, verifications: Vec<IdentityVerification>) -> Self {
        let by_id = verifications
            .into_iter()
            .map(|verification| (verification.id.clone(), verification))
            .collect();
        Self {
            journal,
            by_id: Mutex::new(by_id),
        }
    }

    pub(crate) fn insert(&self, verification: IdentityVerification) {
        self.journal.append(&Entry::IdentityVerification(verification.clone()));
        lock(&self.by_id).insert(verification.id.clone(), verification);
    }

    fn find(&self, id: &str) -> Option<IdentityVerification> {
        lock(&self.by_id).get(id).cloned()
    }
}

/// Part of PortOne's API, and so behind its authorisation.
pub(crate) fn router(simulators: &Arc<Simulators>) -> Router<Arc<Simulators>> {
    let faults = from_fn_with_state((Arc::clone(simulators), Provider::Identity), strike_provider);
    Router::new()
        .route(
            "/identity-verifications/{identityVerificationId}",
            get(get_identity_verification),
        )
        .layer(faults)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetQuery {
    store_id: Option<String>,
}

/// `GET /identity-verifications/{identityVerificationId}`.
async fn get_identity_verification(
    State(simulators): State<Arc<Simulators>>,
    Path(id): Path<String>,
    Query(query): Query<GetQuery>,
) -> Result<Json<Value>, PortoneError> {
    demand_store(&simulators, query.store_id.as_deref())?;
    let verification = simulators
        .identities
        .find(&id)
        .ok_or(PortoneError::IdentityVerificationNotFound)?;
    Ok(Json(verification_object(&verification)))
}

fn verification_object(verification: &IdentityVerification) -> Value {
    let mut object = json!({
        "status": verification.status,
        "id": verification.id,
        "requestedAt": verification.at,
        "updatedAt": verification.at,
        "statusChangedAt": verification.at,
        "version": "V2",
    });
    if verification.status == IdentityStatus::Verified {
        object["verifiedAt"] = json!(verification.at);
        object["verifiedCustomer"] = verified_customer(verification);
        object["pgTxId"] = json!(verification.pg_tx_id);
        object["pgRawResponse"] = json!("{}");
    } else {
        object["requestedCustomer"] = requested_customer(verification);
    }
    if verification.status == IdentityStatus::Failed {
        object["failedAt"] = json!(verification.at);
        object["failure"] = json!({
            "reason": "the agency could not verify the person",
            "pgCode": "VERIFICATION_FAILED",
            "pgMessage": "name and number do not belong together",
        });
    }
    object
}

fn verified_customer(verification: &IdentityVerification) -> Value {
    let mut customer = json!({
        "name": verification.name,
        "operator": "SKT",
        "phoneNumber": verification.phone_number,
        "birthDate": verification.birth_date,
        "isForeigner": false,
    });
    for (field, value) in [("ci", &verification.ci), ("di", &verification.di)] {
        if let Some(value) = value {
            customer[field] = json!(value);
        }
    }
    customer
}

/// What was only claimed comes with the birthday in three parts.
fn requested_customer(verification: &IdentityVerification) -> Value {
    let mut customer = json!({ "name": verification.name, "phoneNumber": verification.phone_number });
    for (field, part) in ["birthYear", "birthMonth", "birthDay"]
        .into_iter()
        .zip(verification.birth_date.split('-'))
    {
        customer[field] = json!(part);
    }
    customer
}
