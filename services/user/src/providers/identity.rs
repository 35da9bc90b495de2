use crate::{
    config::PortOneConfig,
    domain::{PersonName, Phone},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    Clock,
    problem::{Code, Problem},
};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::time::Duration;

/// PortOne's identity verifications. There is no webhook for them: the server asks.
pub(crate) struct IdentityVerifier {
    config: PortOneConfig,
    max_age: TimeDelta,
    clock: Clock,
    http: reqwest::Client,
}

/// A verified person. CI is the same for one person everywhere; DI is missing with some verifiers.
pub(crate) struct VerifiedPerson {
    pub(crate) ci: String,
    pub(crate) di: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    status: String,
    verified_customer: Option<Customer>,
    verified_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    name: String,
    phone_number: Option<String>,
    ci: Option<String>,
    di: Option<String>,
}

impl IdentityVerifier {
    pub(crate) fn new(config: PortOneConfig, max_age: Duration, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            config,
            max_age: TimeDelta::from_std(max_age)?,
            clock,
            http: super::http_client()?,
        })
    }

    /// The person of a fresh verification, if it is the one who registers.
    pub(crate) async fn verified(&self, id: &str, name: &PersonName, phone: &Phone) -> Result<VerifiedPerson, Problem> {
        let refuse =
            |message: &str| Err(Problem::new(Code::IdentityNotVerified).field("identityVerificationId", message));
        // The id becomes part of a path: PortOne's own ids are plain tokens.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(1..=200).contains(&id.len()) || !id.chars().all(plain) || id.chars().all(|c| c == '.') {
            return refuse("is not an identity verification");
        }
        let Some(verification) = self.read(id).await? else {
            return refuse("is unknown");
        };
        let (Some(customer), Some(verified_at)) = (verification.verified_customer, verification.verified_at) else {
            return refuse("is not verified");
        };
        if verification.status != "VERIFIED" {
            return refuse("is not verified");
        }
        if self.clock.now() - verified_at > self.max_age {
            return refuse("is too old");
        }
        let phone_matches = customer
            .phone_number
            .as_deref()
            .is_some_and(|text| Phone::parse(text).is_ok_and(|p| p == *phone));
        if !name.matches(&customer.name) || !phone_matches {
            return refuse("is of another name or phone");
        }
        match customer.ci.filter(|ci| !ci.is_empty()) {
            Some(ci) => Ok(VerifiedPerson {
                ci,
                di: customer.di.filter(|di| !di.is_empty()),
            }),
            None => refuse("has no CI"),
        }
    }

    async fn read(&self, id: &str) -> Result<Option<Verification>, Problem> {
        let unavailable = |error: reqwest::Error| Problem::unavailable("portone-identity", &error.without_url());
        let response = self
            .http
            .get(format!("{}/identity-verifications/{id}", self.config.base_url))
            .header(
                "authorization",
                format!("PortOne {}", self.config.api_secret.expose_secret()),
            )
            .send()
            .await
            .map_err(unavailable)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = response.error_for_status().map_err(unavailable)?;
        response.json().await.map(Some).map_err(unavailable)
    }
}
