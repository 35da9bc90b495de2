//! The state of a social login while the person is at the provider (RFC 6749 §10.12, RFC 9700 §4.7).
//!
//! It is good once, for ten minutes, for one provider, and in the browser that began: the page keeps a verifier, gives its
//! hash when it begins and the verifier itself when it comes back. Somebody else's code and state, planted in a link, are of
//! no use to a browser without the verifier, nor are a victim's to whoever gets hold of them.
//!
//! Redis keeps one key, the hash of provider, challenge and state, and no value. The nonce and the PKCE verifier are keyed
//! hashes of the state, so they need not be kept anywhere, and who can read Redis learns none of them. A state that comes
//! back to another provider or with another verifier is simply not there, and is not used up by that.
//!
//! A verifier may end in `.` and a user's id. Such a login was begun to link a social account to that user: it signs nobody
//! in, and no other user can finish it, though they share the browser.
//!
//! Who may die where: without Redis nobody can begin or finish (503). When Redis forgets, or we die after the state was used
//! up, the person begins again.

use crate::{personal_data::Keyring, providers::social::SocialProvider};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::{
    crypto,
    problem::{Code, Problem},
    redis::Redis,
};
use std::time::Duration;
use uuid::Uuid;

/// Logins that have begun.
pub(crate) struct LoginStates {
    redis: Redis,
    keyring: Keyring,
    ttl: Duration,
}

/// What a login is held together with.
pub(crate) struct LoginSecrets {
    pub(crate) state: String,
    /// Comes back in the ID token.
    pub(crate) nonce: String,
    /// For the provider's token endpoint (RFC 7636).
    pub(crate) pkce_verifier: String,
}

impl LoginSecrets {
    pub(crate) fn pkce_challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(crypto::sha256(self.pkce_verifier.as_bytes()))
    }
}

/// What the page gives when it begins: base64url of the SHA-256 of its verifier.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Challenge([u8; 32]);

impl Challenge {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| Problem::invalid("challenge", "must be the base64url of a SHA-256, without padding"))
    }
}

/// What the page kept (RFC 7636 §4.1).
pub(crate) struct Verifier<'a>(&'a str);

impl<'a> Verifier<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Problem> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            Ok(Self(text))
        } else {
            Err(Problem::invalid(
                "verifier",
                "must be 43 to 128 letters, digits and -._~",
            ))
        }
    }

    /// The user for whom a social account is to be linked, if it was begun for one.
    pub(crate) fn user(&self) -> Option<Uuid> {
        let (_, last) = self.0.rsplit_once('.')?;
        Uuid::try_parse(last).ok()
    }

    fn challenge(&self) -> Challenge {
        Challenge(crypto::sha256(self.0.as_bytes()))
    }
}

impl LoginStates {
    pub(crate) fn new(redis: Redis, keyring: Keyring, ttl: Duration) -> Self {
        Self { redis, keyring, ttl }
    }

    /// Begins a login.
    pub(crate) async fn begin(&self, provider: SocialProvider, challenge: &Challenge) -> Result<LoginSecrets, Problem> {
        let secrets = self.secrets(provider, &crypto::random_token("st_"));
        redis::cmd("SET")
            .arg(key(provider, challenge, &secrets.state))
            .arg("")
            .arg("PX")
            .arg(self.ttl.as_millis().max(1).to_string())
            .query_async::<()>(&mut self.redis.clone())
            .await?;
        Ok(secrets)
    }

    /// Uses up the state of a login that comes back. Of several at once one gets it.
    pub(crate) async fn finish(
        &self,
        provider: SocialProvider,
        state: &str,
        verifier: &Verifier<'_>,
    ) -> Result<LoginSecrets, Problem> {
        let found: u64 = redis::cmd("DEL")
            .arg(key(provider, &verifier.challenge(), state))
            .query_async(&mut self.redis.clone())
            .await?;
        if found == 1 {
            Ok(self.secrets(provider, state))
        } else {
            Err(Problem::new(Code::OauthStateInvalid))
        }
    }

    fn secrets(&self, provider: SocialProvider, state: &str) -> LoginSecrets {
        let derive =
            |purpose: &str| BASE64_URL_SAFE_NO_PAD.encode(self.keyring.derive(purpose, &[provider.name(), state]));
        LoginSecrets {
            state: state.to_owned(),
            nonce: derive("oauth_nonce"),
            pkce_verifier: derive("oauth_pkce_verifier"),
        }
    }
}

fn key(provider: SocialProvider, challenge: &Challenge, state: &str) -> String {
    let parts = [provider.name().as_bytes(), b"/", &challenge.0, state.as_bytes()];
    format!("oauth:state:{}", crypto::sha256_hex(&parts.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_known_by_its_challenge() {
        // RFC 7636, appendix B.
        let verifier = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(verifier.challenge() == challenge);
        assert_eq!(verifier.user(), None);
    }

    #[test]
    fn what_is_no_challenge_or_verifier_is_refused() {
        for bad in [
            "",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
        ] {
            assert!(Challenge::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", &"a".repeat(42), &"a".repeat(129), &format!("{} ", "a".repeat(43))] {
            assert!(Verifier::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_verifier_may_name_a_user() {
        let user = Uuid::now_v7();
        let text = format!("{}.{user}", "a".repeat(43));
        assert_eq!(Verifier::parse(&text).unwrap().user(), Some(user));
    }
}
