use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::strike::{Plan, Quirks};
use super::{Faults, OauthFaults, Operation, Outage, Provider, SignWith};
use crate::oauth::{Lie, OauthProvider};
use crate::state::lock;

/// How long a cancellation is REQUESTED unless the faults say so.
const REQUESTED_FOR_MS: u64 = 1000;

/// The faults in force and the dice that decide when they strike. Clones share both.
#[derive(Clone)]
pub(crate) struct FaultBoard(Arc<Mutex<Board>>);

/// Each operation has dice of its own, so that which confirm is struck depends on the seed and the number of confirms
/// alone, not on how often somebody polled in between.
struct Board {
    faults: Faults,
    operation_dice: [StdRng; 4],
    webhook_dice: StdRng,
}

/// What happens to one webhook.
pub(crate) struct WebhookFate {
    /// When each copy leaves; no copy at all if it is to be lost.
    pub(crate) departures: Vec<Duration>,
    pub(crate) before_reply: bool,
    pub(crate) unknown_type: bool,
    pub(crate) extra_fields: bool,
    pub(crate) sign_with: SignWith,
}

impl Board {
    fn new(faults: Faults, seed: u64) -> Self {
        let dice = |stream: u64| StdRng::seed_from_u64(seed.wrapping_add(stream));
        Self {
            faults,
            operation_dice: [dice(0), dice(1), dice(2), dice(3)],
            webhook_dice: dice(4),
        }
    }
}

impl FaultBoard {
    pub(crate) fn none() -> Self {
        Self(Arc::new(Mutex::new(Board::new(Faults::default(), 0))))
    }

    /// Replaces all faults, and says which seed they run on.
    pub(crate) fn set(&self, mut faults: Faults) -> Faults {
        let seed = *faults.seed.get_or_insert_with(|| u64::from(rand::random::<u32>()));
        *lock(&self.0) = Board::new(faults.clone(), seed);
        faults
    }

    /// What happens to the next webhook.
    pub(crate) fn next_webhook(&self) -> WebhookFate {
        let board = &mut *lock(&self.0);
        let (faults, dice) = (board.faults.webhook, &mut board.webhook_dice);
        let (lost, unknown_type) = (
            dice.random_bool(faults.drop_rate),
            dice.random_bool(faults.unknown_type_rate),
        );
        let copies = if lost { 0 } else { usize::from(faults.duplicate) + 1 };
        let departures = (0..copies)
            .map(|_| {
                let delay = if faults.shuffle {
                    dice.random_range(0..=faults.delay_ms.max(500))
                } else {
                    faults.delay_ms
                };
                Duration::from_millis(delay)
            })
            .collect();
        WebhookFate {
            departures,
            before_reply: faults.before_reply,
            unknown_type,
            extra_fields: faults.extra_fields,
            sign_with: faults.sign_with,
        }
    }

    /// All dice are thrown whatever the first ones say, so that one rate does not shift another's sequence.
    pub(super) fn plan(&self, operation: Operation) -> Plan {
        let board = &mut *lock(&self.0);
        let portone = &board.faults.portone;
        let (faults, dice) = match operation {
            Operation::PreRegister => (portone.pre_register, &mut board.operation_dice[0]),
            Operation::Get => (portone.get, &mut board.operation_dice[1]),
            Operation::Confirm => (portone.confirm, &mut board.operation_dice[2]),
            Operation::Cancel => (portone.cancel, &mut board.operation_dice[3]),
        };
        let mut strikes = |rate| dice.random_bool(rate);
        Plan {
            delay: Duration::from_millis(faults.delay_ms),
            reply_delay: Duration::from_millis(faults.reply_delay_ms),
            fails: strikes(faults.error_rate),
            loses_reply: strikes(faults.drop_reply_after_effect_rate),
            fails_after_effect: strikes(faults.error_after_effect_rate),
            unknown_status: strikes(faults.unknown_enum_rate),
            unknown_channel_type: strikes(faults.unknown_channel_type_rate),
            unknown_cancellation_status: strikes(faults.unknown_cancellation_status_rate),
            extra_fields: faults.extra_fields,
            quirks: Quirks {
                gateway_error: strikes(faults.pg_error_rate),
                requested: strikes(faults.requested_rate),
                requested_for: Duration::from_millis(faults.requested_for_ms.unwrap_or(REQUESTED_FOR_MS)),
                requested_fails: strikes(faults.requested_fail_rate),
            },
        }
    }

    pub(super) fn outage(&self, provider: Provider) -> Outage {
        let faults = &lock(&self.0).faults;
        let oauth = |faults: &OauthFaults| Outage {
            down: faults.down,
            delay_ms: faults.delay_ms,
        };
        match provider {
            Provider::Recaptcha => faults.recaptcha,
            Provider::Identity => faults.identity,
            Provider::Kakao => oauth(&faults.kakao),
            Provider::Naver => oauth(&faults.naver),
            Provider::Google => oauth(&faults.google),
        }
    }

    /// Whether the provider tells that lie.
    pub(crate) fn lies(&self, provider: OauthProvider, lie: Lie) -> bool {
        let faults = &lock(&self.0).faults;
        let faults = match provider {
            OauthProvider::Kakao => &faults.kakao,
            OauthProvider::Naver => &faults.naver,
            OauthProvider::Google => &faults.google,
        };
        faults.lies.contains(&lie)
    }
}
