use super::SocialConfig;
use crate::providers::Client;
use chrono::{DateTime, TimeDelta, Utc};
use common::{Clock, problem::Problem};
use http::StatusCode;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How long a key is believed that was on the provider's page when it last answered. Providers change their keys every few days
/// or weeks and show a new one beforehand, so a page that is away must not end logins that need nothing of it. And a key that
/// was withdrawn meanwhile lets nobody in by itself: the token comes from the provider's own server, for a code and our secret.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// The keys with which a provider signs, fetched anew when they are old, and when a token names one that is unknown: then it
/// is a new one. Neither an unknown key nor a page that fails can make us ask more often than every few seconds, and while it
/// fails the old keys are good for [`GOOD_FOR`].
pub(super) struct Jwks {
    url: String,
    ttl: TimeDelta,
    refetch: TimeDelta,
    clock: Clock,
    /// Never held while anything is waited for.
    known: Mutex<Known>,
    /// Held by who fetches, so that a hundred visitors fetch the keys once.
    turn: tokio::sync::Mutex<()>,
}

/// What the last fetches gave.
#[derive(Default)]
struct Known {
    keys: HashMap<String, DecodingKey>,
    fetched: Option<DateTime<Utc>>,
    /// When they could not be had, since they were fetched.
    failed: Option<DateTime<Utc>>,
}

/// What can be said without asking.
enum Standing {
    /// The key, or that there is none of that name.
    Known(Option<DecodingKey>),
    /// Nothing for so long: the page failed a moment ago.
    Failed(TimeDelta),
    /// The keys must be fetched.
    Old,
}

/// A set may hold keys of kinds and uses that we do not know; they are passed over.
#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: String,
    e: String,
}

impl Key {
    fn decoding_key(self) -> Option<(String, DecodingKey)> {
        let signs = self.usage.is_none_or(|usage| usage == "sig");
        let rs256 = self.kty == "RSA" && self.alg.is_none_or(|alg| alg == "RS256");
        let key = DecodingKey::from_rsa_components(&self.n, &self.e).ok()?;
        (signs && rs256).then_some((self.kid, key))
    }
}

impl Known {
    /// The key of that name, if it was on the page so lately.
    fn key(&self, kid: &str, now: DateTime<Utc>, good_for: TimeDelta) -> Option<DecodingKey> {
        let fetched = self.fetched.filter(|fetched| now - *fetched < good_for);
        fetched.and_then(|_| self.keys.get(kid).cloned())
    }

    fn standing(&self, kid: &str, now: DateTime<Utc>, ttl: TimeDelta, pause: TimeDelta) -> Standing {
        if let Some(key) = self.key(kid, now, ttl) {
            return Standing::Known(Some(key));
        }
        if let Some(failed) = self.failed.filter(|failed| now - *failed < pause) {
            let key = self.key(kid, now, GOOD_FOR);
            return key.map_or(Standing::Failed(failed + pause - now), |key| Standing::Known(Some(key)));
        }
        let is_new = self.fetched.is_some_and(|fetched| now - fetched < pause);
        if is_new && !self.keys.contains_key(kid) {
            Standing::Known(None)
        } else {
            Standing::Old
        }
    }
}

impl Jwks {
    pub(super) fn new(url: String, config: &SocialConfig, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            url,
            ttl: TimeDelta::from_std(config.jwks_ttl)?,
            refetch: TimeDelta::from_std(config.jwks_refetch)?,
            clock,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// The key of that name, if the provider has one.
    pub(super) async fn key(&self, client: &Client, kid: &str) -> Result<Option<DecodingKey>, Problem> {
        if let Some(answer) = self.answer(client, kid) {
            return answer;
        }
        let _turn = self.turn.lock().await;
        // Who had the turn before has found out, or failed, for all who waited.
        if let Some(answer) = self.answer(client, kid) {
            return answer;
        }
        let asked = self.clock.now();
        let fetched = self.fetch(client).await;
        let mut known = self.known();
        match fetched {
            Ok(keys) => {
                *known = Known {
                    keys,
                    fetched: Some(asked),
                    failed: None,
                };
                Ok(known.keys.get(kid).cloned())
            }
            Err(problem) => {
                let now = self.clock.now();
                known.failed = Some(now);
                known.key(kid, now, GOOD_FOR).map(Some).ok_or(problem)
            }
        }
    }

    /// None if the keys must be fetched.
    fn answer(&self, client: &Client, kid: &str) -> Option<Result<Option<DecodingKey>, Problem>> {
        let standing = self.known().standing(kid, self.clock.now(), self.ttl, self.refetch);
        match standing {
            Standing::Known(key) => Some(Ok(key)),
            Standing::Failed(wait) => Some(Err(client.failed_lately(wait.to_std().unwrap_or_default()))),
            Standing::Old => None,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, client: &Client) -> Result<HashMap<String, DecodingKey>, Problem> {
        let (_, body) = client.ask(client.get(&self.url), &[StatusCode::OK]).await?;
        let set: Set = serde_json::from_slice(&body).map_err(|_| client.nonsense())?;
        let keys = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Key>(key).ok());
        Ok(keys.filter_map(Key::decoding_key).collect())
    }
}

#[cfg(test)]
mod tests;
