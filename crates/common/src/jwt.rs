//! Access tokens (`design.md` §3.1): HS256, one hour, no personal data. The user service issues them, the gateway verifies
//! them; two keys are accepted while a secret is being rotated.

use crate::{
    Clock,
    config::{ConfigError, Env},
    identity::Role,
    live::Live,
    secrets::Accepted,
};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{self, Signer, Verifier},
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const LOCAL_SECRET: &str = "local-only-jwt-secret-0123456789abcdef";
const ACCESS: &str = "access";

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id.
    pub sub: Uuid,
    /// What the account may do.
    pub role: Role,
    /// The session, which is the refresh token family: ending it revokes every access token of it.
    pub sid: Uuid,
    /// Who issued it.
    pub iss: String,
    /// For whom it was issued.
    pub aud: String,
    /// Always `access`.
    pub typ: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// The token's own id.
    pub jti: Uuid,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was ours and has ended.
    #[error("the token has expired")]
    Expired,
    /// It is not a token of ours, or not an access token.
    #[error("the token is not valid")]
    Invalid,
}

/// Settings shared by issuer and verifier: `JWT_SECRET` (and `JWT_SECRET_PREVIOUS`, each also as `_FILE`), `JWT_ISSUER`,
/// `JWT_AUDIENCE`, `ACCESS_TOKEN_TTL_SECONDS` (default 3600).
#[derive(Clone)]
pub struct JwtConfig {
    keys: Live<Keys>,
    issuer: String,
    audience: String,
    ttl: Duration,
}

/// The secrets as they are at the moment.
struct Keys {
    signing: EncodingKey,
    accepted: Vec<DecodingKey>,
}

impl Keys {
    fn new(secrets: &Accepted) -> Self {
        let bytes = |secret: &SecretString| secret.expose_secret().as_bytes().to_vec();
        Self {
            signing: EncodingKey::from_secret(&bytes(&secrets.current)),
            accepted: secrets
                .all()
                .map(|secret| DecodingKey::from_secret(&bytes(secret)))
                .collect(),
        }
    }
}

impl JwtConfig {
    /// Reads the settings.
    ///
    /// # Errors
    /// In production, when the secret is missing, default or short.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            keys: env.live_secret("JWT_SECRET", LOCAL_SECRET, |secrets| Ok(Keys::new(&secrets)))?,
            issuer: env.string_or("JWT_ISSUER", "ticket-queue"),
            audience: env.string_or("JWT_AUDIENCE", "ticket-queue-api"),
            ttl: env.seconds_or("ACCESS_TOKEN_TTL_SECONDS", 3600)?,
        })
    }

    /// How long an access token lives.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.ttl
    }
}

/// Makes access tokens.
#[derive(Clone)]
pub struct TokenIssuer {
    config: JwtConfig,
    clock: Clock,
}

impl TokenIssuer {
    /// An issuer that signs with the present secret.
    #[must_use]
    pub fn new(config: JwtConfig, clock: Clock) -> Self {
        install_provider();
        Self { config, clock }
    }

    /// A token for `user` in session `sid`, and what it says.
    ///
    /// # Errors
    /// When the claims cannot be serialised, which no input can cause.
    pub fn issue(&self, user: Uuid, role: Role, sid: Uuid) -> anyhow::Result<(String, Claims)> {
        let now = self.clock.now();
        let claims = Claims {
            sub: user,
            role,
            sid,
            iss: self.config.issuer.clone(),
            aud: self.config.audience.clone(),
            typ: ACCESS.to_owned(),
            iat: now.timestamp(),
            exp: (now + TimeDelta::from_std(self.config.ttl)?).timestamp(),
            jti: Uuid::now_v7(),
        };
        Ok((
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.config.keys.get().signing)?,
            claims,
        ))
    }
}

/// Checks access tokens.
#[derive(Clone)]
pub struct TokenVerifier {
    keys: Live<Keys>,
    validation: Arc<Validation>,
    clock: Clock,
}

impl TokenVerifier {
    /// A verifier that accepts the present secret and those beside it.
    #[must_use]
    pub fn new(config: &JwtConfig, clock: Clock) -> Self {
        install_provider();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The end is compared below, with the injected clock and without leeway.
        validation.validate_exp = false;
        validation.validate_nbf = true;
        Self {
            keys: config.keys.clone(),
            validation: Arc::new(validation),
            clock,
        }
    }

    /// What the token says, if it is a live access token of ours.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let claims = self
            .keys
            .get()
            .accepted
            .iter()
            .find_map(|key| jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok())
            // An extension that must be understood (RFC 7515 §4.1.11) is none of ours.
            .filter(|token| token.header.crit.is_none())
            .ok_or(TokenError::Invalid)?
            .claims;
        if claims.typ != ACCESS {
            return Err(TokenError::Invalid);
        }
        let end = DateTime::<Utc>::from_timestamp(claims.exp, 0).ok_or(TokenError::Invalid)?;
        self.check_end(end).map(|()| claims)
    }

    /// Whether a token that ends then is still alive.
    ///
    /// # Errors
    /// [`TokenError::Expired`].
    pub fn check_end(&self, end: DateTime<Utc>) -> Result<(), TokenError> {
        if self.clock.now() >= end {
            Err(TokenError::Expired)
        } else {
            Ok(())
        }
    }

    /// The keys of the moment: while they are the same, a token that was valid is so until its end.
    #[must_use]
    pub fn keys_in_use(&self) -> KeysInUse {
        KeysInUse(Arc::clone(&self.keys.get()))
    }
}

/// The keys that were accepted at some moment; equal to others only if no secret was read anew in between.
#[derive(Clone)]
pub struct KeysInUse(Arc<Keys>);

impl PartialEq for KeysInUse {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// HS256 by the `hmac` crate that we use everywhere else, and the check of RS256 by the `ring` that TLS uses;
/// `jsonwebtoken`'s own providers would bring another RSA, elliptic curves and a second set of digests into every service.
///
/// Which of the two a token may be signed with is each verifier's `Validation`: [`TokenVerifier`] takes HS256 alone, and a
/// secret is no RSA key for the other.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        require_hs256(*algorithm, key.family())?;
        Ok(Box::new(Hs256::new(key.as_bytes())?))
    },
    verifier_factory: |algorithm, key| {
        if let (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) = (algorithm, key.kind()) {
            let (n, e) = (n.clone(), e.clone());
            return Ok(Box::new(Rs256(RsaPublicKeyComponents { n, e })));
        }
        require_hs256(*algorithm, key.family())?;
        Ok(Box::new(Hs256::new(key.try_get_as_bytes()?)?))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Must have been called in a process before `jsonwebtoken` is used directly, as for the ID tokens of identity providers.
pub fn install_provider() {
    // It fails only if it is installed already, by us.
    let _installed = PROVIDER.install_default();
}

fn require_hs256(algorithm: Algorithm, family: AlgorithmFamily) -> Result<(), Error> {
    if algorithm == Algorithm::HS256 && family == AlgorithmFamily::Hmac {
        Ok(())
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(key: &[u8]) -> Result<Self, Error> {
        Hmac::new_from_slice(key)
            .map(Self)
            .map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0
            .clone()
            .chain_update(message)
            .verify_slice(signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

/// Keys of less than 2048 bits are refused.
struct Rs256(RsaPublicKeyComponents<Vec<u8>>);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::json;

    fn config(pairs: &[(&str, &str)]) -> JwtConfig {
        JwtConfig::from_env(&Env::from_pairs(pairs.iter().copied()).unwrap()).unwrap()
    }

    fn hand_made(header: &serde_json::Value, claims: &serde_json::Value) -> String {
        let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let head = format!("{}.{}", part(header), part(claims));
        let mac = crate::crypto::hmac_sha256_raw(LOCAL_SECRET.as_bytes(), head.as_bytes());
        format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))
    }

    fn claims(exp: &serde_json::Value) -> serde_json::Value {
        json!({"sub": Uuid::nil(), "role": "USER", "sid": Uuid::nil(), "iss": "ticket-queue", "aud": "ticket-queue-api",
               "typ": "access", "iat": 0, "exp": exp, "jti": Uuid::nil()})
    }

    #[test]
    fn an_issued_token_verifies_until_it_ends() {
        let clock = Clock::adjustable();
        let issuer = TokenIssuer::new(config(&[]), clock.clone());
        let verifier = TokenVerifier::new(&config(&[]), clock.clone());
        let (token, issued) = issuer.issue(Uuid::now_v7(), Role::User, Uuid::now_v7()).unwrap();
        assert_eq!(verifier.verify(&token).unwrap(), issued);
        clock.advance(TimeDelta::seconds(3601));
        assert_eq!(verifier.verify(&token), Err(TokenError::Expired));
    }

    #[test]
    fn the_former_secret_is_accepted_during_rotation() {
        let clock = Clock::system();
        let old = TokenIssuer::new(config(&[("JWT_SECRET", "old")]), clock.clone());
        let verifier = TokenVerifier::new(
            &config(&[("JWT_SECRET", "new"), ("JWT_SECRET_PREVIOUS", "old")]),
            clock.clone(),
        );
        let (token, _) = old.issue(Uuid::nil(), Role::Admin, Uuid::nil()).unwrap();
        assert!(verifier.verify(&token).is_ok());
        let strict = TokenVerifier::new(&config(&[("JWT_SECRET", "new")]), clock);
        assert_eq!(strict.verify(&token), Err(TokenError::Invalid));
    }

    #[test]
    fn forged_headers_types_and_ends_are_refused() {
        let verifier = TokenVerifier::new(&config(&[]), Clock::system());
        let far = json!(4_102_444_800_i64);
        let hs256 = json!({"alg": "HS256", "typ": "JWT"});
        assert!(
            verifier.verify(&hand_made(&hs256, &claims(&far))).is_ok(),
            "the hand-made token itself is good"
        );
        for header in [json!({"alg": "none"}), json!({"alg": "RS256"}), json!({"alg": "HS512"})] {
            assert_eq!(
                verifier.verify(&hand_made(&header, &claims(&far))),
                Err(TokenError::Invalid),
                "{header}"
            );
        }
        let mut refresh = claims(&far);
        refresh["typ"] = json!("refresh");
        let mut endless = claims(&far);
        endless.as_object_mut().unwrap().remove("exp");
        let mut foreign = claims(&far);
        foreign["aud"] = json!("someone-else");
        for bad in [refresh, endless, foreign, claims(&json!("4102444800"))] {
            assert_eq!(
                verifier.verify(&hand_made(&hs256, &bad)),
                Err(TokenError::Invalid),
                "{bad}"
            );
        }
        assert_eq!(verifier.verify("a.b.c"), Err(TokenError::Invalid));
    }
}
