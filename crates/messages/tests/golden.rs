//! The wire format is a contract between releases: each message has a file, read and written both ways.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{fmt::Debug, fs, path::PathBuf};

use chrono::{DateTime, Utc};
use messages::{
    CancelReason, ChangeKind, CompensateReservation, ConfirmationFailure, Envelope, EventCancelled, EventChanged,
    Message, Metadata, ParseError, PaymentFailed, PaymentRefunded, PaymentSuccess, ReservationCancelled,
    ReservationConfirmationFailed, ReservationConfirmed, SeatReleased, SeatSold,
};
use serde_json::{Value, json};
use uuid::Uuid;

fn id(last: u8) -> Uuid {
    Uuid::from_u128(0x019a_bcde_0000_7000_8000_0000_0000_0000 | u128::from(last))
}

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

const MESSAGE: u8 = 1;
const PAYMENT: u8 = 2;
const RESERVATION: u8 = 3;
const USER: u8 = 4;
const CONCERT: u8 = 5;
const SEAT: u8 = 6;
const OTHER_SEAT: u8 = 7;
const CAUSE: u8 = 8;
const REQUEST: u8 = 11;

fn grant() -> Option<String> {
    Some("019abcde-0000-7000-8000-000000000009".to_owned())
}

fn file<M: Message>() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{}.v1.json", M::TYPE));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn matches_its_file<M: Message + Debug + PartialEq>(message: &M) {
    let metadata = Metadata {
        correlation_id: Some(id(REQUEST)),
        causation_id: Some(id(CAUSE)),
        user_id: message.user_id(),
    };
    let envelope = Envelope::wrap(message, id(MESSAGE), at("2026-01-11T10:00:00.123456Z"), metadata).unwrap();
    let golden: Value = serde_json::from_str(&file::<M>()).unwrap();
    assert_eq!(
        serde_json::to_value(&envelope).unwrap(),
        golden,
        "{} is written otherwise",
        M::TYPE
    );

    let read = Envelope::parse(file::<M>().as_bytes()).unwrap();
    assert_eq!(read, envelope);
    assert_eq!(read.decode::<M>().unwrap(), *message, "{} is read otherwise", M::TYPE);

    let mut newer = golden;
    newer["payload"]["addedLater"] = json!({"any": "thing"});
    newer["addedLater"] = json!(1);
    let read = Envelope::parse(newer.to_string().as_bytes()).unwrap();
    assert_eq!(
        read.decode::<M>().unwrap(),
        *message,
        "{} does not tolerate new fields",
        M::TYPE
    );
}

fn payment_success() -> PaymentSuccess {
    PaymentSuccess {
        payment_id: id(PAYMENT),
        reservation_id: id(RESERVATION),
        user_id: id(USER),
        concert_id: id(CONCERT),
        seat_ids: vec![id(SEAT), id(OTHER_SEAT)],
        amount: 300_000,
        currency: "KRW".to_owned(),
        payment_key: Some("019abcde-0000-7000-8000-00000000000a".to_owned()),
        portone_transaction_id: "0198c6b1-tx".to_owned(),
        paid_at: at("2026-01-11T09:59:59Z"),
        reservation_version: 2,
        grant_id: grant(),
    }
}

#[test]
fn payment_messages_match_their_files() {
    matches_its_file(&payment_success());
    matches_its_file(&PaymentFailed {
        payment_id: id(PAYMENT),
        reservation_id: id(RESERVATION),
        user_id: id(USER),
        concert_id: id(CONCERT),
        seat_ids: vec![id(SEAT)],
        amount: 150_000,
        payment_key: None,
        failure_reason: "DECLINED".to_owned(),
        failed_at: at("2026-01-11T09:59:59Z"),
        holds_lock: true,
        reservation_version: Some(2),
        grant_id: grant(),
    });
    matches_its_file(&PaymentRefunded {
        payment_id: id(PAYMENT),
        reservation_id: id(RESERVATION),
        user_id: id(USER),
        concert_id: id(CONCERT),
        seat_ids: vec![id(SEAT)],
        amount: 150_000,
        reason: "USER_REQUEST".to_owned(),
        requested_at: Some(at("2026-01-11T09:59:50Z")),
        refunded_at: at("2026-01-11T09:59:59Z"),
        reservation_version: Some(4),
        grant_id: None,
    });
    matches_its_file(&CompensateReservation {
        payment_id: id(PAYMENT),
        reservation_id: id(RESERVATION),
        user_id: id(USER),
        concert_id: id(CONCERT),
        seat_ids: vec![id(SEAT)],
        amount: 150_000,
        reason: "REFUNDED_AT_PORTONE".to_owned(),
        requested_at: at("2026-01-11T09:59:59Z"),
        reservation_version: Some(3),
        grant_id: None,
    });
}

#[test]
fn reservation_messages_match_their_files() {
    matches_its_file(&ReservationConfirmed {
        reservation_id: id(RESERVATION),
        user_id: id(USER),
        concert_id: id(CONCERT),
        seat_ids: vec![id(SEAT), id(OTHER_SEAT)],
        amount: 300_000,
        payment_id: id(PAYMENT),
        confirmed_at: at("2026-01-11T10:00:00Z"),
        reservation_version: 3,
        grant_id: grant(),
    });
    matches_its_file(&ReservationCancelled {
        reservation_id: id(RESERVATION),
        user_id: id(USER),
        concert_id: id(CONCERT),
        seat_ids: vec![id(SEAT)],
        amount: 150_000,
        reason: CancelReason::UserRequest,
        was_confirmed: true,
        payment_id: Some(id(PAYMENT)),
        cancelled_at: at("2026-01-11T10:00:00Z"),
        reservation_version: 4,
        grant_id: grant(),
    });
    matches_its_file(&ReservationConfirmationFailed {
        reservation_id: id(RESERVATION),
        user_id: id(USER),
        concert_id: id(CONCERT),
        seat_ids: vec![id(SEAT)],
        amount: 150_000,
        payment_id: id(PAYMENT),
        reason: ConfirmationFailure::SeatsLost,
        failed_at: at("2026-01-11T10:00:00Z"),
        reservation_version: 3,
        grant_id: grant(),
    });
}

#[test]
fn seat_messages_match_their_files() {
    matches_its_file(&SeatSold {
        seat_id: id(SEAT),
        concert_id: id(CONCERT),
        reservation_id: id(RESERVATION),
        sold_at: at("2026-01-11T10:00:00Z"),
    });
    matches_its_file(&SeatReleased {
        seat_id: id(SEAT),
        concert_id: id(CONCERT),
        reservation_id: id(RESERVATION),
        released_at: at("2026-01-11T10:00:00Z"),
    });
}

#[test]
fn concert_messages_match_their_files() {
    matches_its_file(&EventChanged {
        concert_id: id(CONCERT),
        change: ChangeKind::Updated,
        version: 7,
        title: "겨울 콘서트".to_owned(),
        event_start_at: at("2026-03-01T10:00:00Z"),
        event_end_at: at("2026-03-01T13:00:00Z"),
        sale_start_at: at("2026-01-11T10:00:00Z"),
        sale_end_at: at("2026-02-28T15:00:00Z"),
        max_tickets_per_user: 4,
        changed_at: at("2026-01-10T10:00:00Z"),
    });
    matches_its_file(&EventCancelled {
        concert_id: id(CONCERT),
        version: 8,
        reason: "The artist is ill".to_owned(),
        cancelled_at: at("2026-02-01T10:00:00Z"),
    });
}

#[test]
fn every_file_belongs_to_a_message() {
    let mut names: Vec<String> = fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected = [
        PaymentSuccess::TYPE,
        PaymentFailed::TYPE,
        PaymentRefunded::TYPE,
        CompensateReservation::TYPE,
        ReservationConfirmed::TYPE,
        ReservationCancelled::TYPE,
        ReservationConfirmationFailed::TYPE,
        SeatSold::TYPE,
        SeatReleased::TYPE,
        EventChanged::TYPE,
        EventCancelled::TYPE,
    ]
    .map(|name| format!("{name}.v1.json"));
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn another_version_is_refused_before_its_shape_is_looked_at() {
    let error = Envelope::parse(br#"{"version": "v2", "nothing": "else matches"}"#).unwrap_err();
    assert!(matches!(error, ParseError::UnknownVersion { version: Some(version) } if version == "v2"));
    let error = Envelope::parse(br#"{"version": 2}"#).unwrap_err();
    assert!(matches!(error, ParseError::UnknownVersion { version: None }));
}

#[test]
fn what_is_not_an_envelope_is_refused() {
    for bytes in [&b"not json"[..], b"{}", b"[]", br#"{"version":"v1"}"#, b"\xff\xfe", b""] {
        assert!(
            matches!(Envelope::parse(bytes), Err(ParseError::Malformed(_))),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_payload_is_decoded_only_as_what_it_is() {
    let envelope = Envelope::parse(file::<PaymentSuccess>().as_bytes()).unwrap();
    assert!(matches!(
        envelope.decode::<PaymentFailed>(),
        Err(ParseError::UnexpectedType {
            expected: "PaymentFailed",
            ..
        })
    ));

    let mut value: Value = serde_json::from_str(&file::<PaymentSuccess>()).unwrap();
    value["payload"]["amount"] = json!("300000");
    let envelope = Envelope::parse(value.to_string().as_bytes()).unwrap();
    assert!(matches!(
        envelope.decode::<PaymentSuccess>(),
        Err(ParseError::BadPayload { .. })
    ));
}

#[test]
fn a_reason_of_a_later_release_is_still_a_cancellation() {
    let mut value: Value = serde_json::from_str(&file::<ReservationCancelled>()).unwrap();
    value["payload"]["reason"] = json!("SOLAR_FLARE");
    let cancelled = Envelope::parse(value.to_string().as_bytes())
        .unwrap()
        .decode::<ReservationCancelled>()
        .unwrap();
    assert_eq!(cancelled.reason, CancelReason::Other);
}

#[test]
fn a_booking_keeps_one_key_across_services() {
    assert_eq!(payment_success().key(), id(RESERVATION));
    assert_eq!(payment_success().aggregate_id(), id(PAYMENT));
    let seat = SeatSold {
        seat_id: id(SEAT),
        concert_id: id(CONCERT),
        reservation_id: id(RESERVATION),
        sold_at: at("2026-01-11T10:00:00Z"),
    };
    assert_eq!(seat.key(), id(SEAT));
}
