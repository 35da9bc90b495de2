//! Personal data at rest (`design.md` §5): AES-256-GCM with a key id, a random nonce and the column and row as associated data,
//! so that a ciphertext moved to another row or column does not decrypt. Look-ups go by HMAC with another key.
//!
//! Layout of a ciphertext: one byte length of the key id, the key id, 12 bytes nonce, ciphertext with its tag.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use common::{
    config::{ConfigError, Env},
    crypto,
};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

const KEYS: &str = "PERSONAL_DATA_KEYS";
const KEY_ID: &str = "PERSONAL_DATA_KEY_ID";
/// 32 bytes that are no secret; production refuses them.
const LOCAL_KEYS: &str = "local:bG9jYWwtb25seS1wZXJzb25hbC1kYXRhLWtleS0zMmI=";
const LOCAL_INDEX_KEY: &str = "local-only-blind-index-key-0123456789abcdef";
const NONCE_BYTES: usize = 12;

/// The settings of [`Keyring`].
#[derive(Clone)]
pub(crate) struct KeyringConfig {
    /// `PERSONAL_DATA_KEYS`: `id:base64 of 32 bytes`, separated by commas.
    keys: SecretString,
    /// `PERSONAL_DATA_KEY_ID`: the key that encrypts from now on; the first one by default.
    current: Option<String>,
    /// `BLIND_INDEX_KEY`: keys the hashes that find rows.
    index_key: SecretString,
}

impl KeyringConfig {
    /// Reads the settings.
    ///
    /// # Errors
    /// In production, when a key is missing, default or short.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            keys: env.secret(KEYS, LOCAL_KEYS)?,
            current: env.optional(KEY_ID).map(str::to_owned),
            index_key: env.secret("BLIND_INDEX_KEY", LOCAL_INDEX_KEY)?,
        })
    }
}

/// A column that holds personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Email,
    Name,
    Phone,
    Ci,
    Di,
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Email => "users.email",
            Self::Name => "users.name",
            Self::Phone => "users.phone",
            Self::Ci => "users.ci",
            Self::Di => "users.di",
        }
    }
}

/// The keys; cheap to clone.
#[derive(Clone)]
pub(crate) struct Keyring(Arc<Keys>);

struct Keys {
    ciphers: HashMap<String, Aes256Gcm>,
    current: String,
    index_key: SecretString,
}

/// A ciphertext that none of our keys opens in its place.
#[derive(Debug, thiserror::Error)]
#[error("personal data cannot be decrypted: {0}")]
pub(crate) struct DecryptError(&'static str);

impl Keyring {
    /// Prepares the keys.
    ///
    /// # Errors
    /// When a key is not 32 bytes of base64 or the current one is missing.
    pub(crate) fn new(config: &KeyringConfig) -> Result<Self, ConfigError> {
        let mut ciphers = HashMap::new();
        let mut first = None;
        for entry in config.keys.expose_secret().split(',') {
            let (id, key) = entry
                .trim()
                .split_once(':')
                .ok_or_else(|| ConfigError::new(KEYS, "is not `id:base64,…`"))?;
            let key = BASE64_STANDARD
                .decode(key)
                .map_err(|_| ConfigError::new(KEYS, format!("key {id} is no base64")))?;
            let cipher = Aes256Gcm::new_from_slice(&key)
                .map_err(|_| ConfigError::new(KEYS, format!("key {id} is not 32 bytes long")))?;
            if id.is_empty() || id.len() > usize::from(u8::MAX) {
                return Err(ConfigError::new(KEYS, "a key id is empty or too long"));
            }
            first.get_or_insert_with(|| id.to_owned());
            ciphers.insert(id.to_owned(), cipher);
        }
        let current = config.current.clone().or(first).unwrap_or_default();
        if !ciphers.contains_key(&current) {
            return Err(ConfigError::new(KEY_ID, format!("`{current}` is not among {KEYS}")));
        }
        Ok(Self(Arc::new(Keys {
            ciphers,
            current,
            index_key: config.index_key.clone(),
        })))
    }

    /// Encrypts `plain` for its place.
    pub(crate) fn encrypt(&self, column: Column, row: Uuid, plain: &str) -> anyhow::Result<Vec<u8>> {
        let keys = &self.0;
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let cipher = keys
            .ciphers
            .get(&keys.current)
            .ok_or(DecryptError("the current key is gone"))?;
        let place = place(column, row);
        let sealed = cipher
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: plain.as_bytes(),
                    aad: &place,
                },
            )
            .map_err(|_| anyhow::anyhow!("personal data cannot be encrypted"))?;
        let mut out = Vec::with_capacity(1 + keys.current.len() + NONCE_BYTES + sealed.len());
        out.push(u8::try_from(keys.current.len())?);
        out.extend_from_slice(keys.current.as_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Decrypts what [`Keyring::encrypt`] made for the same place.
    pub(crate) fn decrypt(&self, column: Column, row: Uuid, sealed: &[u8]) -> Result<String, DecryptError> {
        let (&length, rest) = sealed.split_first().ok_or(DecryptError("it is empty"))?;
        let (id, rest) = rest
            .split_at_checked(usize::from(length))
            .ok_or(DecryptError("it is cut off"))?;
        let (nonce, sealed) = rest
            .split_at_checked(NONCE_BYTES)
            .ok_or(DecryptError("it is cut off"))?;
        let id = std::str::from_utf8(id).map_err(|_| DecryptError("its key id is no text"))?;
        let cipher = self
            .0
            .ciphers
            .get(id)
            .ok_or(DecryptError("its key is not configured"))?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| DecryptError("it is cut off"))?;
        let plain = cipher
            .decrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: sealed,
                    aad: &place(column, row),
                },
            )
            .map_err(|_| DecryptError("it was changed or moved"))?;
        String::from_utf8(plain).map_err(|_| DecryptError("it is no text"))
    }

    /// The keyed hash by which a value is found.
    pub(crate) fn blind_index(&self, column: Column, value: &str) -> [u8; 32] {
        let key = self.0.index_key.expose_secret().as_bytes();
        crypto::hmac_sha256(key, &[column.name().as_bytes(), value.as_bytes()])
    }

    /// The keyed hash of an identity verification's id, so that a used one can be told without keeping it.
    pub(crate) fn verification_hash(&self, id: &str) -> [u8; 32] {
        crypto::hmac_sha256(
            self.0.index_key.expose_secret().as_bytes(),
            &[b"identity_verification", id.as_bytes()],
        )
    }
}

fn place(column: Column, row: Uuid) -> Vec<u8> {
    [column.name().as_bytes(), b"/", row.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(pairs: &[(&str, &str)]) -> Keyring {
        let env = Env::from_pairs(pairs.iter().copied()).unwrap();
        Keyring::new(&KeyringConfig::from_env(&env).unwrap()).unwrap()
    }

    #[test]
    fn a_value_decrypts_in_its_place_only() {
        let (keyring, row) = (keyring(&[]), Uuid::now_v7());
        let sealed = keyring.encrypt(Column::Name, row, "김철수").unwrap();
        assert_eq!(keyring.decrypt(Column::Name, row, &sealed).unwrap(), "김철수");
        assert!(keyring.decrypt(Column::Phone, row, &sealed).is_err());
        assert!(keyring.decrypt(Column::Name, Uuid::now_v7(), &sealed).is_err());
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(keyring.decrypt(Column::Name, row, &changed).is_err());
        assert!(keyring.decrypt(Column::Name, row, &sealed[..5]).is_err());
    }

    #[test]
    fn a_former_key_still_decrypts_after_rotation() {
        let old = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let both = format!("{old},b:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
        let sealed = keyring(&[(KEYS, old)])
            .encrypt(Column::Email, Uuid::nil(), "x")
            .unwrap();
        let rotated = keyring(&[(KEYS, &both), (KEY_ID, "b")]);
        assert_eq!(rotated.decrypt(Column::Email, Uuid::nil(), &sealed).unwrap(), "x");
        assert_eq!(rotated.encrypt(Column::Email, Uuid::nil(), "x").unwrap()[1], b'b');
    }

    #[test]
    fn equal_values_are_found_by_equal_hashes_per_column() {
        let keyring = keyring(&[]);
        assert_eq!(
            keyring.blind_index(Column::Ci, "x"),
            keyring.blind_index(Column::Ci, "x")
        );
        assert_ne!(
            keyring.blind_index(Column::Ci, "x"),
            keyring.blind_index(Column::Email, "x")
        );
    }
}
