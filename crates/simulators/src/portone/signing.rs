use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A webhook secret in its decoded form.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Takes a secret as the PortOne console shows it: base64 behind the prefix `whsec_`.
    ///
    /// Fails when the rest is not base64.
    pub fn parse(secret: &str) -> anyhow::Result<Self> {
        let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret))?;
        Ok(Self(Hmac::new_from_slice(&bytes)?))
    }

    /// One that nobody shares.
    pub(crate) fn of_nobody() -> Self {
        let key = hmac::digest::Key::<Hmac<Sha256>>::from(rand::random::<[u8; 64]>());
        Self(Hmac::new(&key))
    }
}

/// The value of `webhook-signature` by the Standard Webhooks scheme: one `v1,<base64>` for each key, separated by spaces.
#[must_use]
pub fn webhook_signature(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<String> = keys
        .iter()
        .map(|key| {
            let mut mac = key.0.clone();
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        })
        .collect();
    signatures.join(" ")
}
