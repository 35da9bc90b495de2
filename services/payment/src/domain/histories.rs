//! Judgement under every history: whatever PortOne is found to say, however old, however often and in whatever order, a
//! payment makes only the moves of design.md §8, and no capture is forgotten.

use super::{Expectation, FailureReason, Occasion, Payment, PaymentStatus, Verdict, judge};
use crate::portone::{Amount, PortonePayment, PortoneStatus};
use proptest::prelude::*;
use std::time::Duration;

const AMOUNT: i64 = 100_000;

/// What PortOne is found to say.
#[derive(Clone, Debug)]
struct Saying {
    /// `None`: it does not know the payment.
    status: Option<PortoneStatus>,
    right_facts: bool,
    after_gateway_error: bool,
}

/// Something that happens to a payment.
#[derive(Clone, Debug)]
enum Happening {
    Heard(Saying),
    /// Seconds.
    TimePasses(u64),
    ConfirmBegins,
    /// The payment token was refused.
    Declined,
    /// The hold or the reservation ended.
    HoldEnds,
    /// The reservation was cancelled after it had been paid.
    RefundAsked,
    /// The refund worker has seen the whole amount go back.
    RefundDone,
}

fn sayings() -> impl Strategy<Value = Saying> {
    let status = prop_oneof![
        2 => Just(None),
        3 => Just(Some(PortoneStatus::Ready)),
        1 => Just(Some(PortoneStatus::PayPending)),
        1 => Just(Some(PortoneStatus::VirtualAccountIssued)),
        5 => Just(Some(PortoneStatus::Paid)),
        3 => Just(Some(PortoneStatus::Failed)),
        2 => Just(Some(PortoneStatus::PartialCancelled)),
        3 => Just(Some(PortoneStatus::Cancelled)),
        1 => Just(Some(PortoneStatus::Other("NEWER_THAN_WE".to_owned()))),
    ];
    (status, prop::bool::weighted(0.9), prop::bool::weighted(0.1)).prop_map(
        |(status, right_facts, after_gateway_error)| Saying {
            status,
            right_facts,
            after_gateway_error,
        },
    )
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        8 => sayings().prop_map(Happening::Heard),
        3 => (1..400_u64).prop_map(Happening::TimePasses),
        3 => Just(Happening::ConfirmBegins),
        1 => Just(Happening::Declined),
        1 => Just(Happening::HoldEnds),
        1 => Just(Happening::RefundAsked),
        2 => Just(Happening::RefundDone),
    ];
    prop::collection::vec(one, 1..24)
}

fn expected() -> Expectation {
    Expectation {
        store_id: "store".to_owned(),
        live_channel: false,
        decide_after: Duration::from_secs(60),
        not_charged_after: Duration::from_secs(180),
    }
}

/// A payment with its refund, and what the settlement writes.
struct World {
    payment: Payment,
    has_refund: bool,
    since_confirm: Option<Duration>,
    moves: Vec<(PaymentStatus, PaymentStatus, bool)>,
}

impl World {
    fn new() -> Self {
        Self {
            payment: Payment::sample(AMOUNT),
            has_refund: false,
            since_confirm: None,
            moves: Vec::new(),
        }
    }

    fn turn(&mut self, status: PaymentStatus) {
        if self.payment.status != status {
            self.moves.push((self.payment.status, status, self.payment.captured));
        }
        self.payment.status = status;
    }

    fn judge(&self, saying: &Saying) -> Verdict {
        let found = saying.status.clone().map(|status| found(status, saying.right_facts));
        let occasion = if saying.after_gateway_error {
            Occasion::AfterGatewayError
        } else {
            Occasion::Enquiry
        };
        judge(
            &self.payment,
            self.has_refund,
            found.as_ref(),
            occasion,
            self.since_confirm,
            &expected(),
        )
    }

    fn happen(&mut self, happening: &Happening) {
        let pending = self.payment.status == PaymentStatus::Pending;
        match happening {
            Happening::Heard(saying) => {
                let verdict = self.judge(saying);
                self.follow(verdict);
            }
            Happening::TimePasses(seconds) => {
                self.since_confirm = self.since_confirm.map(|since| since + Duration::from_secs(*seconds));
            }
            Happening::ConfirmBegins if pending && self.since_confirm.is_none() => {
                self.since_confirm = Some(Duration::ZERO);
            }
            Happening::Declined if pending && self.since_confirm.is_some() => self.turn(PaymentStatus::Failed),
            Happening::HoldEnds if pending && self.since_confirm.is_none() => self.turn(PaymentStatus::Failed),
            Happening::RefundAsked if self.payment.status == PaymentStatus::Success => self.has_refund = true,
            Happening::RefundDone if self.has_refund => self.turn(PaymentStatus::Refunded),
            _ => {}
        }
    }

    fn follow(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Succeed => {
                self.payment.captured = true;
                self.turn(PaymentStatus::Success);
            }
            Verdict::Fail(_) => self.turn(PaymentStatus::Failed),
            Verdict::GiveBack(..) => {
                self.payment.captured = true;
                self.has_refund = true;
                self.turn(PaymentStatus::Failed);
            }
            Verdict::Compensate => {
                self.has_refund = true;
                self.turn(PaymentStatus::Refunded);
            }
            Verdict::Keep
            | Verdict::Wait
            | Verdict::PartlyRefunded
            | Verdict::RefundShows
            | Verdict::Contradiction
            | Verdict::Puzzled => {}
        }
    }
}

fn found(status: PortoneStatus, right_facts: bool) -> PortonePayment {
    PortonePayment {
        status,
        id: String::new(),
        transaction_id: String::new(),
        store_id: "store".to_owned(),
        amount: Amount {
            total: if right_facts { AMOUNT } else { AMOUNT - 1 },
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_moves_of_the_design_are_made(happenings in happenings()) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(happening);
        }
        for (before, after, captured) in world.moves {
            let known = match (before, after) {
                (PaymentStatus::Pending, PaymentStatus::Success | PaymentStatus::Failed) => true,
                (PaymentStatus::Success, PaymentStatus::Refunded) => true,
                (PaymentStatus::Failed, PaymentStatus::Refunded) => captured,
                _ => false,
            };
            prop_assert!(known, "{:?} -> {:?}, captured: {}", before, after, captured);
        }
    }

    #[test]
    fn a_capture_that_was_once_seen_is_kept_for_a_booking_or_goes_back(happenings in happenings(), saying in sayings()) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(happening);
        }
        world.happen(&Happening::Heard(saying.clone()));
        if saying.status.as_ref().is_some_and(PortoneStatus::is_captured) {
            let kept = world.payment.status == PaymentStatus::Success;
            prop_assert!(kept || world.has_refund || world.payment.status == PaymentStatus::Refunded, "{:?}", world.payment);
        }
    }

    #[test]
    fn success_needs_a_confirm_of_ours_and_a_capture_of_the_right_money(happenings in happenings(), saying in sayings()) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(happening);
        }
        if world.judge(&saying) == Verdict::Succeed {
            prop_assert_eq!(world.payment.status, PaymentStatus::Pending);
            prop_assert!(world.since_confirm.is_some() && saying.right_facts);
            prop_assert_eq!(saying.status, Some(PortoneStatus::Paid));
        }
    }

    #[test]
    fn what_may_still_be_charged_is_not_failed(happenings in happenings(), saying in sayings()) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(happening);
        }
        let since = world.since_confirm.unwrap_or_default();
        match world.judge(&saying) {
            Verdict::Fail(FailureReason::Declined) => {
                prop_assert_eq!(&saying.status, &Some(PortoneStatus::Failed));
                prop_assert!(saying.after_gateway_error || since >= expected().decide_after);
            }
            Verdict::Fail(reason) => {
                prop_assert_eq!(reason, FailureReason::NotCharged);
                prop_assert!(since >= expected().not_charged_after);
                prop_assert!(matches!(saying.status, None | Some(PortoneStatus::Ready)));
            }
            _ => {}
        }
    }

    #[test]
    fn hearing_the_same_again_changes_nothing(happenings in happenings(), saying in sayings()) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(happening);
        }
        world.happen(&Happening::Heard(saying.clone()));
        let (status, has_refund, moves) = (world.payment.status, world.has_refund, world.moves.len());
        world.happen(&Happening::Heard(saying));
        prop_assert_eq!((world.payment.status, world.has_refund, world.moves.len()), (status, has_refund, moves));
    }
}
