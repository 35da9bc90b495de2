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
    live::Live,
    secrets::Accepted,
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

/// A column that holds personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Email,
    Name,
    Phone,
    Ci,
    Di,
    /// Not a column but a value in Redis that lives for minutes; its row is made of the token that names it.
    SocialProfile,
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Email => "users.email",
            Self::Name => "users.name",
            Self::Phone => "users.phone",
            Self::Ci => "users.ci",
            Self::Di => "users.di",
            Self::SocialProfile => "redis.social_profile",
        }
    }
}

/// The keys; cheap to clone.
#[derive(Clone)]
pub(crate) struct Keyring {
    keys: Live<Keys>,
    /// `BLIND_INDEX_KEY`: keys the hashes that find rows. It cannot be exchanged: every hash would be another one.
    index_key: Arc<SecretString>,
}

struct Keys {
    ciphers: HashMap<String, Aes256Gcm>,
    current: String,
}

/// A ciphertext that none of our keys opens in its place.
#[derive(Debug, thiserror::Error)]
#[error("personal data cannot be decrypted: {0}")]
pub(crate) struct DecryptError(&'static str);

impl Keys {
    /// Reads `id:base64 of 32 bytes` entries, which stand on lines or between commas. `current` is the id of the key that
    /// encrypts from now on; the first one by default.
    fn parse(secrets: &Accepted, current: Option<&str>) -> Result<Self, ConfigError> {
        let mut ciphers = HashMap::new();
        let mut first = None;
        for entry in secrets.all().flat_map(|line| line.expose_secret().split(',')) {
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
            if ciphers.insert(id.to_owned(), cipher).is_some() {
                return Err(ConfigError::new(KEYS, format!("key {id} is there twice")));
            }
        }
        let current = current.map(str::to_owned).or(first).unwrap_or_default();
        if !ciphers.contains_key(&current) {
            return Err(ConfigError::new(KEY_ID, format!("`{current}` is not among {KEYS}")));
        }
        Ok(Self { ciphers, current })
    }
}

impl Keyring {
    /// Reads the settings: `PERSONAL_DATA_KEYS`, of which `PERSONAL_DATA_KEY_ID` encrypts (by default the first), and
    /// `BLIND_INDEX_KEY`. The keys follow their file while the process runs.
    ///
    /// # Errors
    /// When a key is not 32 bytes of base64 or the current one is missing; in production, when one is missing, default or
    /// short.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.explain_default(KEY_ID, "the first key");
        let current = env.optional(KEY_ID).map(str::to_owned);
        let keys = env.live_secret(KEYS, LOCAL_KEYS, move |secrets| {
            Keys::parse(&secrets, current.as_deref())
        })?;
        Ok(Self {
            keys,
            index_key: Arc::new(env.secret("BLIND_INDEX_KEY", LOCAL_INDEX_KEY)?),
        })
    }

    /// The ids of all keys, in order, the one that encrypts first.
    pub(crate) fn key_ids(&self) -> Vec<String> {
        let keys = self.keys.get();
        let mut ids: Vec<String> = keys.ciphers.keys().cloned().collect();
        ids.sort_by_key(|id| (*id != keys.current, id.clone()));
        ids
    }

    /// What every ciphertext of the key that encrypts begins with.
    pub(crate) fn current_prefix(&self) -> Vec<u8> {
        prefix(&self.keys.get().current)
    }

    /// Encrypts `plain` for its place.
    pub(crate) fn encrypt(&self, column: Column, row: Uuid, plain: &str) -> anyhow::Result<Vec<u8>> {
        let keys = self.keys.get();
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
        let mut out = prefix(&keys.current);
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
        let keys = self.keys.get();
        let cipher = keys.ciphers.get(id).ok_or(DecryptError("its key is not configured"))?;
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
        let key = self.index_key.expose_secret().as_bytes();
        crypto::hmac_sha256(key, &[column.name().as_bytes(), value.as_bytes()])
    }

    /// The keyed hash of somebody's id at a provider.
    pub(crate) fn subject_hash(&self, provider: &str, subject: &str) -> [u8; 32] {
        self.derive("social_subject", &[provider, subject])
    }

    /// A secret that is another one for each purpose, and nobody's to guess who knows the parts.
    pub(crate) fn derive(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        let mut all = vec![purpose.as_bytes()];
        all.extend(parts.iter().map(|part| part.as_bytes()));
        crypto::hmac_sha256(self.index_key.expose_secret().as_bytes(), &all)
    }

    /// The keyed hash of an identity verification's id, so that a used one can be told without keeping it.
    pub(crate) fn verification_hash(&self, id: &str) -> [u8; 32] {
        crypto::hmac_sha256(
            self.index_key.expose_secret().as_bytes(),
            &[b"identity_verification", id.as_bytes()],
        )
    }

    /// The keyed hash under which bad passwords for an email are counted: those from one network, or those from anywhere.
    pub(crate) fn attempts_hash(&self, email_hash: &[u8; 32], network: Option<&str>) -> [u8; 32] {
        let key = self.index_key.expose_secret().as_bytes();
        match network {
            Some(network) => crypto::hmac_sha256(key, &[b"attempts_from", email_hash, network.as_bytes()]),
            None => crypto::hmac_sha256(key, &[b"attempts", email_hash]),
        }
    }
}

/// One byte length of the key id and the key id; an id that is too long was refused when it was read.
fn prefix(id: &str) -> Vec<u8> {
    let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
    [&[length], id.as_bytes()].concat()
}

fn place(column: Column, row: Uuid) -> Vec<u8> {
    [column.name().as_bytes(), b"/", row.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(pairs: &[(&str, &str)]) -> Keyring {
        Keyring::from_env(&Env::from_pairs(pairs.iter().copied()).unwrap()).unwrap()
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
    fn keys_follow_their_file_and_a_mistake_in_it_changes_nothing() {
        let path = std::env::temp_dir().join(format!("keys-{}", Uuid::now_v7()));
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        let (old, new) = (
            "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "b:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        );
        write(old);
        let env = Env::from_pairs([("PERSONAL_DATA_KEYS_FILE", path.to_str().unwrap())]).unwrap();
        let keyring = Keyring::from_env(&env).unwrap();
        let sealed = keyring.encrypt(Column::Name, Uuid::nil(), "x").unwrap();
        let after = |text: &str| {
            write(text);
            env.files().reread();
            let readable = keyring.decrypt(Column::Name, Uuid::nil(), &sealed).is_ok();
            (keyring.key_ids().join(" "), readable)
        };
        assert_eq!(after(&format!("{new}\n{old}\n")), ("b a".into(), true));
        assert_eq!(after("b:short"), ("b a".into(), true), "a mistake");
        assert_eq!(after(&format!("{new},{new}")), ("b a".into(), true), "another one");
        assert_eq!(after(new), ("b".into(), false));
        std::fs::remove_file(&path).unwrap();
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
