use std::sync::Mutex;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::OauthProvider;
use crate::state::lock;

/// RSA keys of 2048 bits, one a line as the base64 of their DER. They are no secret: everybody has them, and nobody but the
/// simulators signs with them. Making some at each start would need another RSA library.
const PAIRS: &str = include_str!("signing-keys.txt");

/// The keys of one provider's ID tokens. A rotation takes the next pair under a new name.
pub(crate) struct SigningKeys {
    provider: OauthProvider,
    pairs: Vec<RsaKeyPair>,
    published: Mutex<Published>,
}

#[derive(Clone, Copy)]
struct Published {
    current: usize,
    /// From this one on.
    since: usize,
}

impl SigningKeys {
    pub(super) fn of(provider: OauthProvider) -> anyhow::Result<Self> {
        let pairs = PAIRS.lines().map(|line| {
            let der = STANDARD.decode(line).context("signing-keys.txt")?;
            RsaKeyPair::from_der(&der).map_err(|error| anyhow::anyhow!("signing-keys.txt: {error}"))
        });
        Ok(Self {
            provider,
            pairs: pairs.collect::<anyhow::Result<_>>()?,
            published: Mutex::new(Published { current: 0, since: 0 }),
        })
    }

    /// Signs with a new key from now on. Without an overlap the former one is not published any more, as when it was stolen.
    pub(crate) fn rotate(&self, overlap: bool) -> String {
        let mut published = lock(&self.published);
        let former = published.current;
        published.current += 1;
        published.since = if overlap { former } else { published.current };
        self.name(published.current)
    }

    pub(super) fn current_name(&self) -> String {
        self.name(lock(&self.published).current)
    }

    pub(super) fn published(&self) -> Value {
        let published = *lock(&self.published);
        let keys = (published.since..=published.current).map(|number| {
            let (n, e) = self.components(number);
            json!({ "kid": self.name(number), "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e })
        });
        json!({ "keys": keys.collect::<Vec<_>>() })
    }

    /// What everybody can read of the key in use.
    pub(super) fn current_modulus(&self) -> String {
        self.components(lock(&self.published).current).0
    }

    /// The signature of the key in use, or of one that has nothing to do with it.
    pub(super) fn sign(&self, message: &[u8], rightly: bool) -> anyhow::Result<Vec<u8>> {
        let number = lock(&self.published).current + if rightly { 0 } else { 2 };
        let pair = self.pair(number);
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|error| anyhow::anyhow!("an ID token cannot be signed: {error}"))?;
        Ok(signature)
    }

    fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.provider.name())
    }

    fn pair(&self, number: usize) -> &RsaKeyPair {
        &self.pairs[number % self.pairs.len()]
    }

    fn components(&self, number: usize) -> (String, String) {
        let PublicKeyComponents::<Vec<u8>> { n, e } = self.pair(number).public().into();
        (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e))
    }
}
