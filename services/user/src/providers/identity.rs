use super::Client;
use crate::{
    config::{PortOneConfig, ProvidersConfig},
    db,
    domain::{PersonName, Phone},
    personal_data::Keyring,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    Clock,
    db::constraint,
    problem::{Code, Problem},
};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use sqlx::PgConnection;
use std::time::Duration;

/// PortOne's identity verifications. There is no webhook for them: the server asks.
pub(crate) struct IdentityVerifier {
    config: PortOneConfig,
    max_age: TimeDelta,
    clock: Clock,
    client: Client,
}

/// A verified person. CI is the same for one person everywhere; DI is missing with some verifiers.
pub(crate) struct VerifiedPerson {
    verification_id: String,
    name: String,
    phone: Option<String>,
    pub(crate) ci: String,
    pub(crate) di: Option<String>,
}

impl VerifiedPerson {
    /// Uses the verification up in the caller's transaction: it counts once, for whichever route comes first. Two at once
    /// wait for each other's commit here.
    pub(crate) async fn use_up(&self, connection: &mut PgConnection, keyring: &Keyring) -> Result<(), Problem> {
        let hash = keyring.verification_hash(&self.verification_id);
        match db::accounts::use_verification(connection, &hash).await {
            Err(error) if constraint(&error) == Some("used_identity_verifications_pkey") => {
                Err(not_verified("was used before"))
            }
            result => Ok(result?),
        }
    }

    /// The verified name, as an account's.
    pub(crate) fn name(&self) -> Result<PersonName, Problem> {
        PersonName::parse(&self.name).map_err(|_| not_verified("has a name that no account can have"))
    }

    fn has(&self, phone: &Phone) -> bool {
        let verified = self.phone.as_deref().map(Phone::parse);
        verified.is_some_and(|verified| verified.is_ok_and(|verified| verified == *phone))
    }
}

fn not_verified(message: &str) -> Problem {
    Problem::new(Code::IdentityNotVerified).field("identityVerificationId", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    id: String,
    status: String,
    verified_customer: Option<Customer>,
    verified_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "type")]
    kind: String,
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
    pub(crate) fn new(
        config: PortOneConfig,
        providers: ProvidersConfig,
        max_age: Duration,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            config,
            max_age: TimeDelta::from_std(max_age)?,
            clock,
            client: Client::new("portone-identity", providers.timeout, providers.pause)?,
        })
    }

    /// The person of a fresh verification, if it has that name and phone.
    pub(crate) async fn verified(&self, id: &str, name: &PersonName, phone: &Phone) -> Result<VerifiedPerson, Problem> {
        let person = self.proven(id).await?;
        if name.matches(&person.name) && person.has(phone) {
            Ok(person)
        } else {
            Err(not_verified("is of another name or phone"))
        }
    }

    /// The person of a fresh verification, if it has that phone.
    pub(crate) async fn verified_by_phone(&self, id: &str, phone: &Phone) -> Result<VerifiedPerson, Problem> {
        let person = self.proven(id).await?;
        if person.has(phone) {
            Ok(person)
        } else {
            Err(not_verified("is of another phone"))
        }
    }

    /// The person of a fresh verification. Use it up in the transaction that acts on it.
    pub(crate) async fn proven(&self, id: &str) -> Result<VerifiedPerson, Problem> {
        // The id becomes part of a path: PortOne's own ids are plain tokens.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(1..=200).contains(&id.len()) || !id.chars().all(plain) || id.chars().all(|c| c == '.') {
            return Err(not_verified("is not an identity verification"));
        }
        let verification = self.read(id).await?.ok_or_else(|| not_verified("is unknown"))?;
        if verification.status != "VERIFIED" {
            return Err(not_verified("is not verified"));
        }
        // PortOne answers about what it was asked, and says of everything verified by whom and when.
        let (true, Some(customer), Some(verified_at)) = (
            verification.id == id,
            verification.verified_customer,
            verification.verified_at,
        ) else {
            return Err(self.client.nonsense());
        };
        if self.clock.now() - verified_at > self.max_age {
            return Err(not_verified("is too old"));
        }
        let ci = customer.ci.filter(|ci| !ci.is_empty());
        Ok(VerifiedPerson {
            verification_id: id.to_owned(),
            name: customer.name,
            phone: customer.phone_number,
            ci: ci.ok_or_else(|| not_verified("has no CI"))?,
            di: customer.di.filter(|di| !di.is_empty()),
        })
    }

    async fn read(&self, id: &str) -> Result<Option<Verification>, Problem> {
        let secret = self.config.api_secret.expose_secret();
        let request = self
            .client
            .get(&format!("{}/identity-verifications/{id}", self.config.base_url))
            .header("authorization", format!("PortOne {secret}"));
        // The visitor chose the id, and must not be able to make PortOne look broken with it: 400 is an answer, too.
        let expected = [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND];
        let (status, body) = self.client.ask(request, &expected).await?;
        if status == StatusCode::OK {
            let verification = serde_json::from_slice(&body).map_err(|_| self.client.nonsense())?;
            return Ok(Some(verification));
        }
        // A page that something in between made up says nothing about the verification.
        let refusal: Refusal = serde_json::from_slice(&body).map_err(|_| self.client.nonsense())?;
        match (status, refusal.kind.as_str()) {
            (StatusCode::NOT_FOUND, "IDENTITY_VERIFICATION_NOT_FOUND")
            | (StatusCode::BAD_REQUEST, "INVALID_REQUEST") => Ok(None),
            _ => Err(self.client.nonsense()),
        }
    }
}
