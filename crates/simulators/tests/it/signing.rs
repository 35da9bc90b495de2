use simulators::{SigningKey, webhook_signature};

const PUBLISHED: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OWN: &str = "whsec_dGlja2V0aW5nLWRldi13ZWJob29rLXNlY3JldC0zMmI=";

#[test]
fn the_published_vector_of_standard_webhooks_is_reproduced() {
    let signature = webhook_signature(
        &[SigningKey::parse(PUBLISHED).unwrap()],
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        br#"{"email":"test@example.com","username":"test_user"}"#,
    );
    assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

#[test]
fn the_vector_of_a_paid_transaction_is_reproduced() {
    let body = concat!(
        r#"{"type":"Transaction.Paid","timestamp":"2026-01-02T03:04:05.000Z","#,
        r#""data":{"storeId":"store-00000000-0000-4000-8000-000000000001","#,
        r#""paymentId":"pay0001","transactionId":"00000000-0000-4000-8000-000000000002"}}"#,
    );
    let keys = [SigningKey::parse(OWN).unwrap()];
    let signature = webhook_signature(&keys, "wh_test_0001", 1_767_323_045, body.as_bytes());
    assert_eq!(signature, "v1,jNICGjXktNreYlzJkNcmILo0/faU5/Ng7rOOMjRE0ZE=");
}

#[test]
fn two_secrets_give_two_signatures_separated_by_a_space() {
    let keys = [SigningKey::parse(PUBLISHED).unwrap(), SigningKey::parse(OWN).unwrap()];
    let both = webhook_signature(&keys, "id", 1, b"{}");
    let each = [&keys[..1], &keys[1..]].map(|key| webhook_signature(key, "id", 1, b"{}"));
    assert_eq!(both, each.join(" "));
}

#[test]
fn a_secret_that_is_not_base64_is_refused() {
    assert!(SigningKey::parse("whsec_not base64").is_err());
}
