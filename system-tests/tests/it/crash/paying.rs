//! Paying (§8.3): CONFIRMED and charged once, or not charged and the seats free.
//!
//! From `payment.confirm.lock-recorded` on, the buyer cannot know whether the card was charged; PortOne is asked. Before
//! that nothing was charged, and a payment that died holding the reservation's lock takes the reservation with it.

use super::{
    Death,
    End::{Confirmed, Free},
    Journey::{Declined, DeclinedThenPay, LockedByNobody, LockedByTheDead, Pay},
    die_everywhere,
};
use system_tests::Part;

/// Nothing is charged before PortOne is told to.
pub(super) const STEPS: [Death; 13] = [
    Death::new(Part::Payment, "payment.create.committed", Pay, &[Confirmed]),
    Death::new(Part::Payment, "payment.create.registered", Pay, &[Confirmed]),
    Death::new(Part::Payment, "payment.confirm.started", Pay, &[Confirmed]),
    Death::new(Part::Payment, "payment.confirm.locked", Pay, &[Free]),
    Death::new(Part::Payment, "payment.confirm.lock-recorded", Pay, &[Free]),
    Death::new(Part::Payment, "payment.confirm.charged", Pay, &[Confirmed]),
    Death::new(Part::Payment, "payment.confirm.read", Pay, &[Confirmed]),
    Death::new(Part::Payment, "payment.confirm.settled", Pay, &[Confirmed]),
    Death::new(Part::Payment, "payment.confirm.charged", Declined, &[Free]),
    Death::new(Part::Payment, "payment.confirm.read", Declined, &[Free]),
    Death::new(Part::Payment, "payment.confirm.settled", Declined, &[Free]),
    Death::new(
        Part::Reservation,
        "reservation.payment-lock.before-commit",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Reservation,
        "reservation.payment-lock.committed",
        Pay,
        &[Confirmed, Free],
    ),
];

/// The confirm's reply is lost and the webhook never comes, or it comes and we die over it.
pub(super) const ASKING_PORTONE: [Death; 5] = [
    Death::new(Part::Payment, "payment.reconcile.read", Pay, &[Confirmed])
        .with(r#"{"portone": {"confirm": {"dropReplyAfterEffectRate": 1.0}}, "webhook": {"dropRate": 1.0}}"#),
    // The window's own webhook may take the confirm with it, between the lock and the charge.
    Death::new(Part::Payment, "payment.webhook.stored", Pay, &[Confirmed, Free]),
    Death::new(Part::Payment, "payment.webhook.read", Pay, &[Confirmed])
        .with(r#"{"portone": {"confirm": {"dropReplyAfterEffectRate": 1.0}}}"#),
    Death::new(Part::Payment, "payment.webhook.settled", Pay, &[Confirmed]),
    Death::new(Part::Payment, "payment.confirm.charged", Pay, &[Confirmed])
        .with(r#"{"webhook": {"duplicate": 3, "shuffle": true}}"#),
];

/// One decline is not the last: the lock is given back, and the buyer takes another card.
pub(super) const TWO_CARDS: [Death; 5] = [
    Death::new(Part::Payment, "payment.confirm.settled", DeclinedThenPay, &[Confirmed]),
    Death::new(Part::Payment, "payment.unlock.sent", DeclinedThenPay, &[Confirmed]),
    Death::new(
        Part::Reservation,
        "reservation.payment-unlock.committed",
        DeclinedThenPay,
        &[Confirmed],
    ),
    Death::new(Part::Payment, "payment.confirm.charged", DeclinedThenPay, &[Confirmed]),
    Death::new(Part::Payment, "payment.confirm.read", DeclinedThenPay, &[Confirmed]),
];

/// A lock whose payment is silent: the payment service is asked.
pub(super) const OLD_LOCKS: [Death; 4] = [
    Death::new(
        Part::Reservation,
        "reservation.payment-question.answered",
        LockedByNobody,
        &[Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.payment-question.unlocked",
        LockedByNobody,
        &[Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.payment-question.answered",
        LockedByTheDead,
        &[Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.payment-question.ended",
        LockedByTheDead,
        &[Free],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_dies_at_each_step_and_nobody_pays_for_nothing() {
    die_everywhere(&[], &STEPS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_portone_dies_at_each_step_and_is_asked_again() {
    die_everywhere(&[], &ASKING_PORTONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_a_lock_back_dies_at_each_step_and_another_card_pays() {
    die_everywhere(&[("PAYMENT_MAX_DECLINES", "2")], &TWO_CARDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_after_an_old_lock_dies_at_each_step_and_the_lock_ends() {
    die_everywhere(&[("PAYMENT_LOCK_QUERY_AFTER_SECONDS", "1")], &OLD_LOCKS).await;
}
