//! What PortOne's answer means for a payment. All knowledge of outcomes is here, whoever asked: the confirm itself, a webhook
//! or the reconciler (design.md §8.3, §8.4).

use std::time::Duration;

use super::{CURRENCY, FailureReason, Payment, PaymentStatus, RefundReason};
use crate::portone::{ChannelKind, PortonePayment, PortoneStatus};

/// What a capture must match besides the payment's own id and amount.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// Our store.
    pub(crate) store_id: String,
    /// Whether real money must have moved (production).
    pub(crate) live_channel: bool,
    /// How long a confirm may still be running at PortOne: before that, a FAILED may be the buyer's earlier try in the
    /// window.
    pub(crate) decide_after: Duration,
    /// How long after its beginning a confirm of which PortOne knows nothing is taken for not done.
    pub(crate) not_charged_after: Duration,
}

/// Database time since the confirm began; `None` if it has not.
pub(crate) type Elapsed = Option<Duration>;

/// Why PortOne was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// It has just answered the confirm with an error of the payment gateway, so that FAILED is that answer.
    AfterGatewayError,
    /// The time had come to ask again.
    Check,
    /// Any other.
    Enquiry,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing, and nothing is awaited.
    Keep,
    /// Nothing yet: the outcome is unknown, ask again.
    Wait,
    /// The payment succeeded.
    Succeed,
    /// It ended without a capture.
    Fail(FailureReason),
    /// Money was taken that we must not keep: the payment ends FAILED unless it has ended, and is refunded.
    GiveBack(FailureReason, RefundReason),
    /// Somebody gave the whole amount back at PortOne: the reservation must go.
    Compensate,
    /// Somebody gave back a part at PortOne: recorded and alarmed, not compensated.
    PartlyRefunded,
    /// The refund we asked for shows at PortOne: it can be completed now.
    RefundShows,
    /// PortOne denies a capture that it had shown: asked again, because it may have answered before the capture, and then
    /// for people to look at.
    Contradiction,
    /// PortOne uses a word that this release does not know. It decides nothing: people are told, PortOne is asked again.
    Puzzled,
}

/// Judges a payment by what PortOne says of it; `found` is `None` where PortOne does not know it.
pub(crate) fn judge(
    payment: &Payment,
    has_refund: bool,
    found: Option<&PortonePayment>,
    occasion: Occasion,
    elapsed: Elapsed,
    expected: &Expectation,
) -> Verdict {
    match payment.status {
        PaymentStatus::Refunded => Verdict::Keep,
        _ if found.is_some_and(|found| matches!(found.status, PortoneStatus::Other(_))) => Verdict::Puzzled,
        PaymentStatus::Pending => judge_pending(payment, found, occasion, elapsed, expected),
        PaymentStatus::Failed => match found {
            Some(found) if !found.status.is_captured() => Verdict::Keep,
            None => Verdict::Keep,
            Some(_) if !has_refund => Verdict::GiveBack(FailureReason::NotCharged, RefundReason::LateCapture),
            Some(found) if found.status == PortoneStatus::Cancelled => Verdict::RefundShows,
            Some(_) => Verdict::Keep,
        },
        PaymentStatus::Success => match found.map(|found| &found.status) {
            Some(PortoneStatus::Paid) => Verdict::Keep,
            Some(PortoneStatus::Cancelled) if has_refund => Verdict::RefundShows,
            Some(PortoneStatus::Cancelled) => Verdict::Compensate,
            Some(PortoneStatus::PartialCancelled) if has_refund => Verdict::Keep,
            Some(PortoneStatus::PartialCancelled) => Verdict::PartlyRefunded,
            _ => Verdict::Contradiction,
        },
    }
}

fn judge_pending(
    payment: &Payment,
    found: Option<&PortonePayment>,
    occasion: Occasion,
    elapsed: Elapsed,
    expected: &Expectation,
) -> Verdict {
    let Some(elapsed) = elapsed else {
        // Never confirmed: what happens in the window costs nothing, unless the channel charges without our word.
        return match found {
            Some(found) if found.status.is_captured() => {
                Verdict::GiveBack(FailureReason::CapturedUnconfirmed, RefundReason::CapturedUnconfirmed)
            }
            _ => Verdict::Keep,
        };
    };
    let Some(found) = found else {
        return not_charged(elapsed, expected);
    };
    match found.status {
        PortoneStatus::Paid => match compare(payment, found, expected) {
            Facts::Agree => Verdict::Succeed,
            Facts::Differ => Verdict::GiveBack(FailureReason::FactsMismatch, RefundReason::FactsMismatch),
            Facts::Unclear => Verdict::Puzzled,
        },
        PortoneStatus::PartialCancelled | PortoneStatus::Cancelled => {
            Verdict::GiveBack(FailureReason::CancelledAtPortone, RefundReason::RefundedAtPortone)
        }
        PortoneStatus::Failed if occasion == Occasion::AfterGatewayError || elapsed >= expected.decide_after => {
            Verdict::Fail(FailureReason::Declined)
        }
        PortoneStatus::Ready => not_charged(elapsed, expected),
        PortoneStatus::Failed
        | PortoneStatus::PayPending
        | PortoneStatus::VirtualAccountIssued
        | PortoneStatus::Other(_) => Verdict::Wait,
    }
}

fn not_charged(elapsed: Duration, expected: &Expectation) -> Verdict {
    if elapsed >= expected.not_charged_after {
        Verdict::Fail(FailureReason::NotCharged)
    } else {
        Verdict::Wait
    }
}

/// Whether a capture is what we asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Facts {
    Agree,
    Differ,
    /// As far as they can be read they agree.
    Unclear,
}

/// That it is the payment asked for, the client has checked by its id.
fn compare(payment: &Payment, found: &PortonePayment, expected: &Expectation) -> Facts {
    if found.store_id != expected.store_id || found.amount.total != payment.amount || found.currency != CURRENCY {
        return Facts::Differ;
    }
    match found.channel.as_ref().map(|channel| &channel.kind) {
        _ if !expected.live_channel => Facts::Agree,
        Some(ChannelKind::Live) => Facts::Agree,
        Some(ChannelKind::Test) | None => Facts::Differ,
        Some(ChannelKind::Other(_)) => Facts::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portone::{Amount, Channel};

    const SECOND: Duration = Duration::from_secs(1);

    fn expected() -> Expectation {
        Expectation {
            store_id: "store".to_owned(),
            live_channel: false,
            decide_after: SECOND * 60,
            not_charged_after: SECOND * 180,
        }
    }

    fn payment(status: PaymentStatus) -> Payment {
        Payment {
            status,
            ..Payment::sample(100)
        }
    }

    fn found(status: PortoneStatus) -> PortonePayment {
        PortonePayment {
            status,
            id: String::new(),
            transaction_id: String::new(),
            store_id: "store".to_owned(),
            amount: Amount {
                total: 100,
                cancelled: 0,
            },
            currency: "KRW".to_owned(),
            channel: None,
            paid_at: None,
            cancelled_at: None,
            status_changed_at: None,
            pg_tx_id: None,
            failure: None,
            cancellations: Vec::new(),
        }
    }

    fn verdict(status: PaymentStatus, says: Option<PortoneStatus>, elapsed: Elapsed) -> Verdict {
        judge(
            &payment(status),
            false,
            says.map(found).as_ref(),
            Occasion::Enquiry,
            elapsed,
            &expected(),
        )
    }

    #[test]
    fn a_matching_capture_of_a_confirmed_payment_succeeds() {
        assert_eq!(
            verdict(PaymentStatus::Pending, Some(PortoneStatus::Paid), Some(SECOND)),
            Verdict::Succeed
        );
    }

    #[test]
    fn a_capture_with_any_wrong_fact_is_given_back() {
        let wrong: [fn(&mut PortonePayment); 3] = [
            |found| found.amount.total = 99,
            |found| found.store_id = "another".to_owned(),
            |found| found.currency = "USD".to_owned(),
        ];
        for change in wrong {
            let mut found = found(PortoneStatus::Paid);
            change(&mut found);
            let payment = payment(PaymentStatus::Pending);
            let verdict = judge(
                &payment,
                false,
                Some(&found),
                Occasion::Enquiry,
                Some(SECOND),
                &expected(),
            );
            assert_eq!(
                verdict,
                Verdict::GiveBack(FailureReason::FactsMismatch, RefundReason::FactsMismatch)
            );
        }
    }

    #[test]
    fn production_takes_live_channels_only() {
        let live_only = Expectation {
            live_channel: true,
            ..expected()
        };
        let channel = |kind| Channel {
            kind,
            key: None,
            pg_provider: None,
        };
        for (channel, facts) in [
            (None, Facts::Differ),
            (Some(channel(ChannelKind::Test)), Facts::Differ),
            (Some(channel(ChannelKind::Live)), Facts::Agree),
            (Some(channel(ChannelKind::Other("NEW".to_owned()))), Facts::Unclear),
        ] {
            let found = PortonePayment {
                channel,
                ..found(PortoneStatus::Paid)
            };
            let pending = payment(PaymentStatus::Pending);
            assert_eq!(compare(&pending, &found, &live_only), facts);
            assert_eq!(compare(&pending, &found, &expected()), Facts::Agree);
            let wrong = PortonePayment {
                currency: "USD".to_owned(),
                ..found
            };
            assert_eq!(compare(&pending, &wrong, &live_only), Facts::Differ);
        }
    }

    #[test]
    fn unknown_outcomes_wait_and_silence_becomes_failed_after_three_minutes() {
        for says in [None, Some(PortoneStatus::Ready)] {
            assert_eq!(
                verdict(PaymentStatus::Pending, says.clone(), Some(SECOND * 179)),
                Verdict::Wait
            );
            let late = verdict(PaymentStatus::Pending, says, Some(SECOND * 180));
            assert_eq!(late, Verdict::Fail(FailureReason::NotCharged));
        }
        for says in [PortoneStatus::PayPending, PortoneStatus::VirtualAccountIssued] {
            assert_eq!(
                verdict(PaymentStatus::Pending, Some(says), Some(SECOND * 9999)),
                Verdict::Wait
            );
        }
    }

    #[test]
    fn a_word_that_nobody_knows_decides_nothing() {
        for status in [PaymentStatus::Pending, PaymentStatus::Failed, PaymentStatus::Success] {
            for elapsed in [None, Some(SECOND), Some(SECOND * 9999)] {
                let says = PortoneStatus::Other("NEW".to_owned());
                assert_eq!(verdict(status, Some(says), elapsed), Verdict::Puzzled);
            }
        }
    }

    #[test]
    fn failed_is_a_decline_only_after_the_gateways_error_or_a_minute() {
        let pending = payment(PaymentStatus::Pending);
        let failed = found(PortoneStatus::Failed);
        let judge = |occasion, elapsed| judge(&pending, false, Some(&failed), occasion, Some(elapsed), &expected());
        assert_eq!(judge(Occasion::Enquiry, SECOND), Verdict::Wait);
        assert_eq!(
            judge(Occasion::Enquiry, SECOND * 60),
            Verdict::Fail(FailureReason::Declined)
        );
        assert_eq!(
            judge(Occasion::AfterGatewayError, SECOND),
            Verdict::Fail(FailureReason::Declined)
        );
    }

    #[test]
    fn the_window_alone_decides_nothing() {
        for says in [None, Some(PortoneStatus::Ready), Some(PortoneStatus::Failed)] {
            assert_eq!(verdict(PaymentStatus::Pending, says, None), Verdict::Keep);
        }
    }

    #[test]
    fn a_capture_on_anything_but_success_is_given_back() {
        let unconfirmed = verdict(PaymentStatus::Pending, Some(PortoneStatus::Paid), None);
        assert!(matches!(
            unconfirmed,
            Verdict::GiveBack(_, RefundReason::CapturedUnconfirmed)
        ));
        for says in [
            PortoneStatus::Paid,
            PortoneStatus::PartialCancelled,
            PortoneStatus::Cancelled,
        ] {
            let late = verdict(PaymentStatus::Failed, Some(says), Some(SECOND));
            assert!(matches!(late, Verdict::GiveBack(_, RefundReason::LateCapture)));
        }
    }

    #[test]
    fn a_refund_by_hand_compensates_a_partial_one_does_not() {
        let success = |says| verdict(PaymentStatus::Success, Some(says), Some(SECOND));
        assert_eq!(success(PortoneStatus::Cancelled), Verdict::Compensate);
        assert_eq!(success(PortoneStatus::PartialCancelled), Verdict::PartlyRefunded);
        assert_eq!(success(PortoneStatus::Paid), Verdict::Keep);
        assert_eq!(success(PortoneStatus::Ready), Verdict::Contradiction);
    }

    #[test]
    fn our_own_refund_is_no_refund_by_hand() {
        let cancelled = found(PortoneStatus::Cancelled);
        for status in [PaymentStatus::Success, PaymentStatus::Failed] {
            let verdict = judge(
                &payment(status),
                true,
                Some(&cancelled),
                Occasion::Enquiry,
                Some(SECOND),
                &expected(),
            );
            assert_eq!(verdict, Verdict::RefundShows);
        }
    }
}
