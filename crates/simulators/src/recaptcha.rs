//! Google's check of a reCAPTCHA v2 token. Tokens are not issued but recognised: `sim-pass-<anything>` passes once,
//! within two minutes of being seen first; `sim-fail-<error-code>` fails with that code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use axum::{Form, Json, Router};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::faults::{Provider, strike_provider};
use crate::state::{Simulators, lock};

const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(2);

/// The passing tokens that have been shown so far.
#[derive(Default)]
pub(crate) struct SeenTokens(Mutex<HashMap<String, Seen>>);

struct Seen {
    first: DateTime<Utc>,
    used: bool,
}

impl SeenTokens {
    fn note(&self, token: &str, now: DateTime<Utc>) {
        lock(&self.0).entry(token.to_owned()).or_insert(Seen {
            first: now,
            used: false,
        });
    }

    /// When the challenge was solved, for the first caller in time.
    fn redeem(&self, token: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut tokens = lock(&self.0);
        let seen = tokens.get_mut(token)?;
        if seen.used || now - seen.first > TOKEN_LIFE {
            return None;
        }
        seen.used = true;
        Some(seen.first)
    }
}

pub(crate) fn router(simulators: &Arc<Simulators>) -> Router {
    let faults = from_fn_with_state((Arc::clone(simulators), Provider::Recaptcha), strike_provider);
    Router::new()
        .route("/recaptcha/siteverify", post(siteverify))
        .layer(faults)
        .with_state(Arc::clone(simulators))
}

#[derive(Deserialize)]
struct SiteverifyRequest {
    #[serde(default)]
    secret: String,
    #[serde(default)]
    response: String,
}

/// HTTP status 200 whatever the verdict.
#[derive(Serialize)]
struct Verdict {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_ts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    #[serde(rename = "error-codes", skip_serializing_if = "Vec::is_empty")]
    error_codes: Vec<String>,
}

impl Verdict {
    fn failed(codes: &[&str]) -> Self {
        let error_codes = codes.iter().map(|code| (*code).to_owned()).collect();
        Self {
            success: false,
            challenge_ts: None,
            hostname: None,
            error_codes,
        }
    }
}

/// `POST /recaptcha/siteverify`, form-encoded.
async fn siteverify(
    State(simulators): State<Arc<Simulators>>,
    form: Result<Form<SiteverifyRequest>, FormRejection>,
) -> Json<Verdict> {
    Json(match form {
        Ok(Form(request)) => judge(&simulators, &request),
        Err(_) => Verdict::failed(&["bad-request"]),
    })
}

fn judge(simulators: &Simulators, request: &SiteverifyRequest) -> Verdict {
    let now = simulators.config.clock.now();
    let passing = request
        .response
        .strip_prefix("sim-pass-")
        .is_some_and(|unique| !unique.is_empty());
    if passing {
        simulators.captcha_tokens.note(&request.response, now);
    }

    let mut missing = Vec::new();
    if request.secret.is_empty() {
        missing.push("missing-input-secret");
    }
    if request.response.is_empty() {
        missing.push("missing-input-response");
    }
    if !missing.is_empty() {
        return Verdict::failed(&missing);
    }
    if request.secret != simulators.config.recaptcha_secret {
        return Verdict::failed(&["invalid-input-secret"]);
    }
    if let Some(code) = request
        .response
        .strip_prefix("sim-fail-")
        .filter(|code| !code.is_empty())
    {
        return Verdict::failed(&[code]);
    }
    if !passing {
        return Verdict::failed(&["invalid-input-response"]);
    }
    match simulators.captcha_tokens.redeem(&request.response, now) {
        Some(solved) => Verdict {
            success: true,
            challenge_ts: Some(solved.to_rfc3339_opts(SecondsFormat::Secs, true)),
            hostname: Some(simulators.config.recaptcha_hostname.clone()),
            error_codes: Vec::new(),
        },
        None => Verdict::failed(&["timeout-or-duplicate"]),
    }
}
