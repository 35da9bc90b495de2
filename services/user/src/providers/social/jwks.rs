use super::SocialConfig;
use crate::providers::Client;
use chrono::{DateTime, TimeDelta, Utc};
use common::{Clock, problem::Problem};
use http::StatusCode;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use std::collections::HashMap;
use tokio::sync::Mutex;

/// The keys with which a provider signs, fetched anew when they are old, and when a token names one that is unknown: then it
/// is a new one. An unknown key cannot make us ask more often than every few seconds.
pub(super) struct Jwks {
    url: String,
    ttl: TimeDelta,
    refetch: TimeDelta,
    clock: Clock,
    /// Locked while the keys are fetched, so that a hundred visitors fetch them once.
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<String, DecodingKey>,
    fetched: Option<DateTime<Utc>>,
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

impl Jwks {
    pub(super) fn new(url: String, config: &SocialConfig, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            url,
            ttl: TimeDelta::from_std(config.jwks_ttl)?,
            refetch: TimeDelta::from_std(config.jwks_refetch)?,
            clock,
            cache: Mutex::default(),
        })
    }

    /// The key of that name, if the provider has one.
    pub(super) async fn key(&self, client: &Client, kid: &str) -> Result<Option<DecodingKey>, Problem> {
        let mut cache = self.cache.lock().await;
        let now = self.clock.now();
        let good_for = if cache.keys.contains_key(kid) {
            self.ttl
        } else {
            self.refetch
        };
        if cache.fetched.is_none_or(|fetched| now - fetched >= good_for) {
            cache.keys = self.fetch(client).await?;
            cache.fetched = Some(now);
        }
        Ok(cache.keys.get(kid).cloned())
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
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_do_not_sign_with_rs256_are_passed_over() {
        let key = |change: serde_json::Value| {
            let mut key = json!({ "kid": "a", "kty": "RSA", "n": "AQAB", "e": "AQAB" });
            for (name, value) in change.as_object().unwrap() {
                key[name] = value.clone();
            }
            serde_json::from_value::<Key>(key)
                .ok()
                .and_then(Key::decoding_key)
                .is_some()
        };
        assert!(key(json!({})) && key(json!({ "alg": "RS256", "use": "sig", "x5t": "unknown" })));
        for other in [
            json!({ "kty": "EC" }),
            json!({ "alg": "RS512" }),
            json!({ "alg": "HS256" }),
            json!({ "use": "enc" }),
            json!({ "n": "?" }),
            json!({ "n": null }),
            json!({ "kid": null }),
        ] {
            assert!(!key(other.clone()), "{other}");
        }
    }
}
