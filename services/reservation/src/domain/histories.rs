//! The decisions under every history: a reservation that is asked and told things in any order makes only the moves of
//! `design.md` §8, and no money stays with a reservation that is not confirmed.

use super::{
    CancelDecision, CancelReason, LockDecision, ReleaseDecision, Reservation, Status, SuccessDecision, decide_cancel,
    decide_compensation, decide_payment_failed, decide_payment_lock, decide_payment_success, decide_release,
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

const PRICE: i64 = 100_000;

/// Something that somebody asks for or tells. Payments are numbers.
#[derive(Clone, Debug)]
enum Word {
    Release,
    /// Before or after midnight of the concert's day.
    Cancel {
        late: bool,
    },
    Lock {
        payment: u8,
        right_amount: bool,
    },
    Unlock(u8),
    Success {
        payment: u8,
        right_amount: bool,
    },
    Failed(u8),
    /// Refunded by hand at PortOne.
    Compensate(u8),
    /// The hold has run out and somebody else has taken a seat over.
    SeatLost,
    /// The sweep finds it, expired or not.
    Expire,
    CloseEvent,
}

fn words() -> impl Strategy<Value = Vec<Word>> {
    let payment = || 0..3_u8;
    let word = prop_oneof![
        2 => Just(Word::Release),
        2 => any::<bool>().prop_map(|late| Word::Cancel { late }),
        5 => (payment(), prop::bool::weighted(0.9)).prop_map(|(payment, right_amount)| Word::Lock { payment, right_amount }),
        2 => payment().prop_map(Word::Unlock),
        5 => (payment(), prop::bool::weighted(0.9)).prop_map(|(payment, right_amount)| Word::Success { payment, right_amount }),
        3 => payment().prop_map(Word::Failed),
        2 => payment().prop_map(Word::Compensate),
        1 => Just(Word::SeatLost),
        2 => Just(Word::Expire),
        1 => Just(Word::CloseEvent),
    ];
    prop::collection::vec(word, 1..24)
}

/// A reservation with what the tables around it hold, and what became of each payment's money.
struct World {
    reservation: Reservation,
    /// Seats still assigned to it.
    held: usize,
    closed: bool,
    captured: BTreeSet<Uuid>,
    /// Sent back, by us or by hand.
    returned: BTreeSet<Uuid>,
    moves: Vec<(Status, Status)>,
}

fn id(payment: u8) -> Uuid {
    Uuid::from_u128(u128::from(payment) + 1)
}

fn start() -> DateTime<Utc> {
    "2026-01-11T10:00:00Z".parse().unwrap()
}

impl World {
    fn new() -> Self {
        Self {
            reservation: Reservation::sample(PRICE),
            held: 2,
            closed: false,
            captured: BTreeSet::new(),
            returned: BTreeSet::new(),
            moves: Vec::new(),
        }
    }

    /// What the transactions write.
    fn turn(&mut self, status: Status) {
        self.moves.push((self.reservation.status, status));
        self.reservation.status = status;
        self.reservation.payment_lock = None;
    }

    fn cancel(&mut self, reason: CancelReason) {
        self.turn(Status::Cancelled);
        self.reservation.cancel_reason = Some(reason);
        self.held = 0;
    }

    fn hear(&mut self, word: &Word) {
        let now = if matches!(word, Word::Cancel { late: true }) {
            start()
        } else {
            start() - TimeDelta::days(2)
        };
        let amount = |right: bool| if right { PRICE } else { PRICE - 1 };
        match *word {
            Word::Release => {
                if decide_release(&self.reservation) == Ok(ReleaseDecision::Release) {
                    self.cancel(CancelReason::HoldReleased);
                }
            }
            Word::Cancel { .. } => match decide_cancel(&self.reservation, now) {
                Ok(CancelDecision::Release) => self.cancel(CancelReason::HoldReleased),
                Ok(CancelDecision::CancelAndRefund) => {
                    self.returned.extend(self.reservation.payment_id);
                    self.cancel(CancelReason::UserRequest);
                }
                Ok(CancelDecision::AlreadyCancelled) | Err(_) => {}
            },
            Word::Lock { payment, right_amount } => {
                let (payment, amount) = (id(payment), amount(right_amount));
                // A payment whose money has moved does not ask again.
                if !self.captured.contains(&payment)
                    && decide_payment_lock(&self.reservation, payment, amount, self.held, self.closed)
                        == Ok(LockDecision::Lock)
                {
                    self.reservation.payment_lock = Some(payment);
                    self.reservation.payment_id = Some(payment);
                }
            }
            Word::Unlock(payment) => {
                if self.reservation.payment_lock == Some(id(payment)) {
                    self.reservation.payment_lock = None;
                }
            }
            Word::Success { payment, right_amount } => self.success(id(payment), amount(right_amount)),
            Word::Failed(payment) => {
                // Told of payments without a capture only.
                if !self.captured.contains(&id(payment)) && decide_payment_failed(&self.reservation, id(payment)) {
                    self.cancel(CancelReason::PaymentFailed);
                }
            }
            Word::Compensate(payment) => {
                if self.captured.contains(&id(payment)) {
                    self.returned.insert(id(payment));
                }
                if decide_compensation(&self.reservation, id(payment)) {
                    self.cancel(CancelReason::Compensated);
                }
            }
            Word::SeatLost => {
                if self.reservation.status == Status::Pending && self.reservation.payment_lock.is_none() {
                    self.held = self.held.saturating_sub(1);
                }
            }
            Word::Expire => {
                if self.reservation.status == Status::Pending && self.reservation.payment_lock.is_none() {
                    self.cancel(CancelReason::HoldExpired);
                }
            }
            Word::CloseEvent => self.closed = true,
        }
    }

    /// Each capture is told once: a second copy is the inbox's.
    fn success(&mut self, payment: Uuid, amount: i64) {
        let first = self.captured.insert(payment);
        let decision = decide_payment_success(&self.reservation, payment, amount, self.held, self.closed);
        match decision {
            SuccessDecision::AlreadyConfirmed => {
                assert_eq!(self.reservation.payment_id, Some(payment));
            }
            SuccessDecision::Confirm if first => {
                assert!(!self.closed && self.held == 2 && amount == PRICE);
                self.reservation.payment_id = Some(payment);
                self.turn(Status::Confirmed);
            }
            SuccessDecision::Confirm => {}
            SuccessDecision::Refuse(_, reason) => {
                self.returned.insert(payment);
                if let Some(reason) = reason {
                    self.cancel(reason);
                }
            }
        }
    }

    /// Captured money is sent back, or belongs to this reservation, which is confirmed by it.
    fn money_is_where_it_belongs(&self) -> bool {
        let belongs = |payment: &Uuid| {
            self.returned.contains(payment)
                || (self.reservation.status == Status::Confirmed && self.reservation.payment_id == Some(*payment))
        };
        self.captured.iter().all(belongs)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_moves_of_the_design_are_made(words in words()) {
        let mut world = World::new();
        for word in &words {
            world.hear(word);
        }
        for one in &world.moves {
            prop_assert!(
                matches!(
                    one,
                    (Status::Pending, Status::Confirmed | Status::Cancelled) | (Status::Confirmed, Status::Cancelled)
                ),
                "{one:?}"
            );
        }
    }

    #[test]
    fn no_money_stays_without_a_confirmed_reservation(words in words()) {
        let mut world = World::new();
        for word in &words {
            world.hear(word);
            prop_assert!(world.money_is_where_it_belongs(), "after {word:?}");
        }
    }

    #[test]
    fn while_a_payment_has_the_lock_only_its_own_outcome_ends_it(words in words(), holder in 0..3_u8) {
        let mut world = World::new();
        world.hear(&Word::Lock { payment: holder, right_amount: true });
        for word in &words {
            let its_own = match word {
                Word::Success { payment, .. } | Word::Failed(payment) | Word::Compensate(payment) | Word::Unlock(payment) => *payment == holder,
                _ => false,
            };
            if its_own {
                break;
            }
            world.hear(word);
            prop_assert_eq!(world.reservation.payment_lock, Some(id(holder)), "after {:?}", word);
            prop_assert_eq!((world.reservation.status, world.held), (Status::Pending, 2), "after {:?}", word);
        }
    }

    #[test]
    fn what_is_asked_twice_is_answered_as_once(words in words()) {
        let mut world = World::new();
        for word in &words {
            world.hear(word);
            let (before, held, moves) = (world.reservation.clone(), world.held, world.moves.len());
            if !matches!(word, Word::SeatLost) {
                world.hear(word);
            }
            prop_assert_eq!(&world.reservation, &before, "after {:?}", word);
            prop_assert_eq!((world.held, world.moves.len()), (held, moves));
        }
    }
}
