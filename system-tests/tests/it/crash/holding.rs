//! Holding, changing and giving back seats, and what happens to those that nobody gives back (§8.2).

use super::{
    Death, End,
    Journey::{HoldAndLeave, HoldAndRelease, SwapAndRelease},
    die_everywhere,
};
use system_tests::Part;

/// The buyer asks again for the same seats and gets the same reservation, or a new one.
pub(super) const AGAIN: [Death; 7] = [
    Death::new(
        Part::Reservation,
        "reservation.hold.taken-in-redis",
        HoldAndRelease,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.hold.before-commit",
        HoldAndRelease,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.hold.committed",
        HoldAndRelease,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.release.committed",
        HoldAndRelease,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.swap.taken-in-redis",
        SwapAndRelease,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.swap.before-commit",
        SwapAndRelease,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.swap.committed",
        SwapAndRelease,
        &[End::Free],
    ),
];

/// The buyer never comes back: the seats are somebody else's when the hold is over.
pub(super) const NEVER_AGAIN: [Death; 5] = [
    Death::new(
        Part::Reservation,
        "reservation.hold.taken-in-redis",
        HoldAndLeave,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.hold.before-commit",
        HoldAndLeave,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.hold.committed",
        HoldAndLeave,
        &[End::Free],
    ),
    Death::new(
        Part::Reservation,
        "reservation.sweep.committed",
        HoldAndLeave,
        &[End::Free],
    ),
    Death::new(Part::Reservation, "outbox.relay.published", HoldAndLeave, &[End::Free]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_dies_at_each_step_and_the_same_seats_again_are_had() {
    // What a dead one took in Redis alone is free when the time of a hold is over, and a row waits for that.
    die_everywhere(&[("HOLD_TTL_SECONDS", "30")], &AGAIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_dies_at_each_step_and_its_seats_are_free_when_its_time_is_over() {
    die_everywhere(&[("HOLD_TTL_SECONDS", "3")], &NEVER_AGAIN).await;
}
