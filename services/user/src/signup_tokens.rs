//! What is known of a person between the first social login and the sign-up that follows (`design.md` §3.1).
//!
//! The page gets a token; Redis keeps the verified profile under the token's hash, encrypted, for some minutes. The token is
//! read as often as the form is corrected, and used up by the sign-up that succeeds.

use crate::{
    personal_data::{Column, Keyring},
    providers::social::{SocialProfile, SocialProvider},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use common::{
    crypto,
    problem::{Code, Problem},
    redis::Redis,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// Sign-ups that have begun.
pub(crate) struct SignupTokens {
    redis: Redis,
    keyring: Keyring,
    ttl: Duration,
}

/// Who is about to sign up.
#[derive(Serialize, Deserialize)]
pub(crate) struct Newcomer {
    pub(crate) provider: SocialProvider,
    #[serde(flatten)]
    pub(crate) profile: SocialProfile,
}

impl SignupTokens {
    pub(crate) fn new(redis: Redis, keyring: Keyring, ttl: Duration) -> Self {
        Self { redis, keyring, ttl }
    }

    /// A token for the newcomer.
    pub(crate) async fn issue(&self, newcomer: &Newcomer) -> Result<String, Problem> {
        let token = crypto::random_token("su_");
        let place = Place::of(&token);
        let plain = serde_json::to_string(newcomer).map_err(anyhow::Error::from)?;
        let sealed = self.keyring.encrypt(Column::SocialProfile, place.row, &plain)?;
        redis::cmd("SET")
            .arg(&place.key)
            .arg(BASE64_STANDARD.encode(sealed))
            .arg("PX")
            .arg(self.ttl.as_millis().max(1).to_string())
            .query_async::<()>(&mut self.redis.clone())
            .await?;
        Ok(token)
    }

    /// Whose token it is.
    pub(crate) async fn newcomer(&self, token: &str) -> Result<Newcomer, Problem> {
        let place = Place::of(token);
        let sealed: Option<String> = redis::cmd("GET")
            .arg(&place.key)
            .query_async(&mut self.redis.clone())
            .await?;
        let sealed = sealed.ok_or_else(|| Problem::new(Code::SignupTokenInvalid))?;
        let sealed = BASE64_STANDARD.decode(sealed).map_err(anyhow::Error::from)?;
        let plain = self.keyring.decrypt(Column::SocialProfile, place.row, &sealed);
        let plain = plain.map_err(anyhow::Error::from)?;
        Ok(serde_json::from_str(&plain).map_err(anyhow::Error::from)?)
    }

    /// Uses the token up. Of several at once one does; false for the others.
    pub(crate) async fn use_up(&self, token: &str) -> Result<bool, Problem> {
        let found: u64 = redis::cmd("DEL")
            .arg(Place::of(token).key)
            .query_async(&mut self.redis.clone())
            .await?;
        Ok(found == 1)
    }
}

/// Where a token's newcomer is kept, and what its ciphertext is bound to.
struct Place {
    key: String,
    row: Uuid,
}

impl Place {
    fn of(token: &str) -> Self {
        let hash = crypto::sha256(token.as_bytes());
        let [row @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = hash;
        Self {
            key: format!("oauth:signup:{}", crypto::sha256_hex(token.as_bytes())),
            row: Uuid::from_bytes(row),
        }
    }
}
