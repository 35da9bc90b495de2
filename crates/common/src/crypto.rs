//! Digests, HMAC and random tokens.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of `data`.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// SHA-256 of `data` in lower-case hex; the form in which tokens appear in Redis keys and rows.
#[must_use]
pub fn sha256_hex(data: &[u8]) -> String {
    hex::encode(sha256(data))
}

/// HMAC-SHA256 over the parts, each preceded by its length, so that no two lists of parts give the same input.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    MacKey::new(key).mac(parts)
}

/// A key for HMAC-SHA256 that is used again and again: what depends on it alone is worked out once.
#[derive(Clone, Debug)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// The key made of these bytes.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(keyed(key))
    }

    /// As [`hmac_sha256`].
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // In one piece, because each of many small ones costs as much as hashing it.
        let mut message = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        let mut mac = self.0.clone();
        mac.update(&message);
        mac.finalize().into_bytes().into()
    }
}

/// HMAC-SHA256 over `data` as it is, for formats that others define.
#[must_use]
pub fn hmac_sha256_raw(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// Whether two byte strings are equal, in time that does not depend on where they differ.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A token of 256 random bits behind a prefix such as `qr_`, URL-safe.
#[must_use]
pub fn random_token(prefix: &str) -> String {
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of any length; the error type is only there for other MACs"
)]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(hmac_sha256(b"k", &[b"ab", b"c"]), hmac_sha256(b"k", &[b"a", b"bc"]));
    }

    #[test]
    fn the_raw_form_is_the_published_one() {
        // RFC 4231, test case 2.
        assert_eq!(
            hex::encode(hmac_sha256_raw(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let (a, b) = (random_token("qr_"), random_token("qr_"));
        assert!(a.starts_with("qr_") && a.len() == 46 && a != b);
    }
}
