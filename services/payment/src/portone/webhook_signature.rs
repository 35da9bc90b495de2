//! The signature of PortOne's webhooks, which is that of Standard Webhooks (external-apis.md §B.12): HMAC-SHA256 over
//! `<webhook-id>.<webhook-timestamp>.<raw body>`, in base64 behind `v1,`. Several signatures, and two secrets during
//! rotation, may stand side by side; one match is enough.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use common::{crypto, extract::header_text};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretSlice};
use std::time::Duration;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// A shared secret, as the console shows it: base64, usually behind `whsec_`.
#[derive(Clone)]
pub(crate) struct WebhookSecret(SecretSlice<u8>);

/// The secret's text is not base64, or empty.
#[derive(Debug, thiserror::Error)]
#[error("is not base64 behind `whsec_`")]
pub(crate) struct SecretError;

impl WebhookSecret {
    /// # Errors
    /// [`SecretError`].
    pub(crate) fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        match BASE64_STANDARD.decode(encoded) {
            Ok(key) if !key.is_empty() => Ok(Self(key.into())),
            _ => Err(SecretError),
        }
    }
}

/// The three headers of a webhook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebhookHeaders<'a> {
    /// The same for each repetition of a delivery.
    pub(crate) id: &'a str,
    timestamp: &'a str,
    signatures: &'a str,
}

impl<'a> WebhookHeaders<'a> {
    /// The headers, if all are there.
    pub(crate) fn from(headers: &'a HeaderMap) -> Option<Self> {
        let text = |name| header_text(headers, name).filter(|text| !text.is_empty());
        Some(Self {
            id: text(ID)?,
            timestamp: text(TIMESTAMP)?,
            signatures: text(SIGNATURE)?,
        })
    }
}

/// Whether one of the secrets signed this body at about `now`.
pub(crate) fn verify(
    secrets: &[WebhookSecret],
    headers: WebhookHeaders<'_>,
    body: &[u8],
    now: DateTime<Utc>,
    tolerance: Duration,
) -> bool {
    let Ok(timestamp) = headers.timestamp.parse::<i64>() else {
        return false;
    };
    let Some(drift) = now.timestamp().checked_sub(timestamp) else {
        return false;
    };
    if drift.unsigned_abs() > tolerance.as_secs() {
        return false;
    }
    let signed = [headers.id.as_bytes(), b".", headers.timestamp.as_bytes(), b".", body].concat();
    let given: Vec<Vec<u8>> = headers
        .signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|signature| BASE64_STANDARD.decode(signature).ok())
        .collect();
    secrets.iter().any(|secret| {
        let expected = crypto::hmac_sha256_raw(secret.0.expose_secret(), &signed);
        given.iter().any(|given| crypto::constant_time_eq(given, &expected))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Vector {
        secret: &'static str,
        id: &'static str,
        timestamp: &'static str,
        body: &'static str,
        signature: &'static str,
    }

    /// The vectors of external-apis.md §B.12.
    const VECTORS: [Vector; 2] = [
        Vector {
            secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            timestamp: "1649367553",
            body: r#"{"email":"test@example.com","username":"test_user"}"#,
            signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        },
        Vector {
            secret: "whsec_dGlja2V0aW5nLWRldi13ZWJob29rLXNlY3JldC0zMmI=",
            id: "wh_test_0001",
            timestamp: "1767323045",
            body: r#"{"type":"Transaction.Paid","timestamp":"2026-01-02T03:04:05.000Z","data":{"storeId":"store-00000000-0000-4000-8000-000000000001","paymentId":"pay0001","transactionId":"00000000-0000-4000-8000-000000000002"}}"#,
            signature: "v1,jNICGjXktNreYlzJkNcmILo0/faU5/Ng7rOOMjRE0ZE=",
        },
    ];
    const TOLERANCE: Duration = Duration::from_secs(300);

    fn at(seconds: &str, drift: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds.parse::<i64>().unwrap() + drift, 0).unwrap()
    }

    fn check(vector: &Vector, secrets: &[&str], signatures: &str, body: &[u8], drift: i64) -> bool {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| WebhookSecret::parse(secret).unwrap())
            .collect();
        let headers = WebhookHeaders {
            id: vector.id,
            timestamp: vector.timestamp,
            signatures,
        };
        verify(&secrets, headers, body, at(vector.timestamp, drift), TOLERANCE)
    }

    #[test]
    fn published_signatures_hold() {
        for vector in &VECTORS {
            assert!(
                check(vector, &[vector.secret], vector.signature, vector.body.as_bytes(), 0),
                "{}",
                vector.id
            );
        }
    }

    #[test]
    fn a_changed_byte_breaks_the_signature() {
        for vector in &VECTORS {
            let changed = vector.body.replacen('t', "T", 1);
            assert!(!check(
                vector,
                &[vector.secret],
                vector.signature,
                changed.as_bytes(),
                0
            ));
            let other = Vector {
                id: "another",
                ..*vector
            };
            assert!(!check(
                &other,
                &[vector.secret],
                vector.signature,
                vector.body.as_bytes(),
                0
            ));
        }
    }

    #[test]
    fn the_timestamp_may_be_off_by_five_minutes_either_way() {
        let vector = &VECTORS[1];
        for (drift, holds) in [(300, true), (-300, true), (301, false), (-301, false)] {
            let held = check(
                vector,
                &[vector.secret],
                vector.signature,
                vector.body.as_bytes(),
                drift,
            );
            assert_eq!(held, holds, "{drift}");
        }
    }

    #[test]
    fn one_match_among_secrets_and_signatures_is_enough() {
        let [first, second] = &VECTORS;
        let signatures = format!("v1,AAAA v2,BBBB {}", second.signature);
        assert!(check(
            second,
            &[first.secret, second.secret],
            &signatures,
            second.body.as_bytes(),
            0
        ));
        assert!(!check(second, &[first.secret], &signatures, second.body.as_bytes(), 0));
    }

    #[test]
    fn other_schemes_and_garbage_are_no_match() {
        let vector = &VECTORS[1];
        let bare = vector.signature.strip_prefix("v1,").unwrap();
        for signatures in ["", "v1,", "v1", bare, &format!("v1a,{bare}"), &format!("v2,{bare}")] {
            assert!(
                !check(vector, &[vector.secret], signatures, vector.body.as_bytes(), 0),
                "{signatures:?}"
            );
        }
    }
}
