use http::HeaderValue;
use uuid::Uuid;

/// `Idempotency-Key` as PortOne takes it: an RFC 8941 string, so with its quotes, of 16 to 256 ASCII characters
/// (external-apis.md §B.2). PortOne keeps the first answer for three hours, an error of the payment gateway too, so a
/// deliberate new try has a new key; the same key only protects a try against being sent twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// There is one confirm per payment, ever.
    pub(crate) fn confirm(payment: Uuid) -> Self {
        Self(format!("confirm-{}", payment.simple()))
    }

    /// Each try of a refund is one request.
    pub(crate) fn cancel(refund: Uuid, attempt: i32) -> Self {
        Self(format!("cancel-{}-{attempt}", refund.simple()))
    }

    pub(super) fn header(&self) -> HeaderValue {
        // Made of letters, digits and hyphens only, which is always a valid header value.
        HeaderValue::from_str(&format!("\"{}\"", self.0)).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_and_long_enough() {
        for key in [
            IdempotencyKey::confirm(Uuid::nil()),
            IdempotencyKey::cancel(Uuid::nil(), i32::MAX),
        ] {
            let header = key.header();
            let text = header.to_str().unwrap();
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap();
            assert!(
                (16..=256).contains(&inner.len()) && inner.is_ascii() && !inner.contains('"'),
                "{text}"
            );
        }
    }
}
