//! Giving money back (§8.4): always the whole, exactly once, whoever asked for it and whoever died over it.

use super::{
    Death,
    End::Refunded,
    Journey::{PayAndCancel, PayAndRefundByHand},
    die_everywhere,
};
use system_tests::Part;

pub(super) const STEPS: [Death; 6] = [
    Death::new(
        Part::Reservation,
        "reservation.cancel.committed",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(Part::Payment, "payment.refund.claimed", PayAndCancel, &[Refunded]),
    Death::new(
        Part::Payment,
        "payment.refund.cancelled-at-portone",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(Part::Payment, "payment.refund.completed", PayAndCancel, &[Refunded]),
    Death::new(Part::Payment, "payment.webhook.read", PayAndRefundByHand, &[Refunded]),
    Death::new(
        Part::Payment,
        "payment.webhook.settled",
        PayAndRefundByHand,
        &[Refunded],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_dies_at_each_step_and_the_money_goes_back_once() {
    die_everywhere(&[], &STEPS).await;
}
