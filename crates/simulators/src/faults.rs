//! Faults on demand. They are switched by `PUT /control/faults` and decided by a seeded generator, so that a failing
//! run can be repeated.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::server::LoseReply;
use crate::state::{Simulators, lock};

/// The body of `PUT /control/faults`. Rates are probabilities from 0 to 1; what is left out does not misbehave.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Faults {
    /// Chosen by the simulator, and reported back, if it is not given.
    pub(crate) seed: Option<u64>,
    pub(crate) portone: PortoneFaults,
    pub(crate) webhook: WebhookFaults,
    pub(crate) recaptcha: Outage,
    pub(crate) identity: Outage,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PortoneFaults {
    pub(crate) pre_register: OperationFaults,
    pub(crate) get: OperationFaults,
    pub(crate) confirm: OperationFaults,
    pub(crate) cancel: OperationFaults,
}

/// In this order: wait, perhaps fail without effect (503), take effect, perhaps lose the reply.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OperationFaults {
    /// The wait comes *before* the effect, so that a caller with a shorter time-out is charged after it gave up.
    pub(crate) delay_ms: u64,
    pub(crate) error_rate: f64,
    pub(crate) drop_reply_after_effect_rate: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WebhookFaults {
    /// Extra copies of each webhook.
    pub(crate) duplicate: u8,
    pub(crate) delay_ms: u64,
    /// Each copy leaves at a random moment within `max(delayMs, 500 ms)`, which mixes neighbours.
    pub(crate) shuffle: bool,
    pub(crate) drop_rate: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Outage {
    pub(crate) down: bool,
    pub(crate) delay_ms: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    PreRegister,
    Get,
    Confirm,
    Cancel,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Provider {
    Recaptcha,
    Identity,
}

impl Faults {
    /// Names the first rate that is no probability.
    pub(crate) fn check(&self) -> Result<(), String> {
        let portone = &self.portone;
        let operations = [
            ("portone.preRegister", &portone.pre_register),
            ("portone.get", &portone.get),
            ("portone.confirm", &portone.confirm),
            ("portone.cancel", &portone.cancel),
        ];
        let mut rates = vec![("webhook.dropRate".to_owned(), self.webhook.drop_rate)];
        for (name, faults) in operations {
            rates.push((format!("{name}.errorRate"), faults.error_rate));
            rates.push((
                format!("{name}.dropReplyAfterEffectRate"),
                faults.drop_reply_after_effect_rate,
            ));
        }
        match rates.iter().find(|(_, rate)| !(0.0..=1.0).contains(rate)) {
            Some((name, rate)) => Err(format!("{name} is {rate}, not a rate between 0 and 1")),
            None => Ok(()),
        }
    }
}

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

struct OperationPlan {
    delay: Duration,
    fails: bool,
    loses_reply: bool,
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

    /// When each copy of the next webhook leaves; no copy at all if it is to be lost.
    pub(crate) fn webhook_departures(&self) -> Vec<Duration> {
        let board = &mut *lock(&self.0);
        let (faults, dice) = (board.faults.webhook, &mut board.webhook_dice);
        if dice.random_bool(faults.drop_rate) {
            return Vec::new();
        }
        (0..=faults.duplicate)
            .map(|_| {
                let delay = if faults.shuffle {
                    dice.random_range(0..=faults.delay_ms.max(500))
                } else {
                    faults.delay_ms
                };
                Duration::from_millis(delay)
            })
            .collect()
    }

    /// Both dice are thrown whatever the first one says, so that one rate does not shift the other's sequence.
    fn plan(&self, operation: Operation) -> OperationPlan {
        let board = &mut *lock(&self.0);
        let portone = &board.faults.portone;
        let (faults, dice) = match operation {
            Operation::PreRegister => (portone.pre_register, &mut board.operation_dice[0]),
            Operation::Get => (portone.get, &mut board.operation_dice[1]),
            Operation::Confirm => (portone.confirm, &mut board.operation_dice[2]),
            Operation::Cancel => (portone.cancel, &mut board.operation_dice[3]),
        };
        OperationPlan {
            delay: Duration::from_millis(faults.delay_ms),
            fails: dice.random_bool(faults.error_rate),
            loses_reply: dice.random_bool(faults.drop_reply_after_effect_rate),
        }
    }

    fn outage(&self, provider: Provider) -> Outage {
        let board = lock(&self.0);
        match provider {
            Provider::Recaptcha => board.faults.recaptcha,
            Provider::Identity => board.faults.identity,
        }
    }
}

/// A response extension: the request failed before it reached the application, which therefore has no reply to
/// remember for its idempotency key.
#[derive(Clone, Copy)]
pub(crate) struct NotPerformed;

/// Middleware of one PortOne operation.
pub(crate) async fn strike_operation(
    State((simulators, operation)): State<(Arc<Simulators>, Operation)>,
    request: Request,
    next: Next,
) -> Response {
    let plan = simulators.faults.plan(operation);
    tokio::time::sleep(plan.delay).await;
    if plan.fails {
        let mut failure = unavailable();
        failure.extensions_mut().insert(NotPerformed);
        return failure;
    }
    let mut response = next.run(request).await;
    if plan.loses_reply {
        response.extensions_mut().insert(LoseReply);
    }
    response
}

/// Middleware of a provider that is only ever up, slow or down.
pub(crate) async fn strike_provider(
    State((simulators, provider)): State<(Arc<Simulators>, Provider)>,
    request: Request,
    next: Next,
) -> Response {
    let outage = simulators.faults.outage(provider);
    tokio::time::sleep(Duration::from_millis(outage.delay_ms)).await;
    if outage.down {
        return unavailable();
    }
    next.run(request).await
}

/// What a load balancer says for an application that does not answer: a page, not the provider's JSON.
fn unavailable() -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "<html><body>503 Service Temporarily Unavailable</body></html>",
    )
        .into_response()
}
