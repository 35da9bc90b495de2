//! Faults on demand. They are switched by `PUT /control/faults` and decided by a seeded generator, so that a failing
//! run can be repeated.

mod board;
mod strike;

use serde::{Deserialize, Serialize};

use crate::oauth::Lie;

pub(crate) use self::board::FaultBoard;
pub(crate) use self::strike::{NotPerformed, Quirks, add_fields, strike_operation, strike_provider};

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
    pub(crate) kakao: OauthFaults,
    pub(crate) naver: OauthFaults,
    pub(crate) google: OauthFaults,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PortoneFaults {
    pub(crate) pre_register: OperationFaults,
    pub(crate) get: OperationFaults,
    pub(crate) confirm: OperationFaults,
    pub(crate) cancel: OperationFaults,
}

/// In this order: wait, perhaps fail without effect (503), take effect, wait, perhaps say something new, perhaps hide the
/// reply behind an error (500) or lose it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OperationFaults {
    /// The wait comes *before* the effect, so that a caller with a shorter time-out is charged after it gave up.
    pub(crate) delay_ms: u64,
    /// This wait comes after the effect.
    pub(crate) reply_delay_ms: u64,
    pub(crate) error_rate: f64,
    pub(crate) error_after_effect_rate: f64,
    pub(crate) drop_reply_after_effect_rate: f64,
    /// Confirm and cancel: the payment gateway is out of order. 502 PG_PROVIDER, and the payment stays as it was.
    pub(crate) pg_error_rate: f64,
    /// Cancel: it is only REQUESTED, and is settled `requestedForMs` (default 1000) later.
    pub(crate) requested_rate: f64,
    pub(crate) requested_for_ms: Option<u64>,
    /// Cancel: how many of the REQUESTED ones end FAILED.
    pub(crate) requested_fail_rate: f64,
    /// Get: the payment's status is one that nobody has heard of.
    pub(crate) unknown_enum_rate: f64,
    /// Get: so is the type of its channel.
    pub(crate) unknown_channel_type_rate: f64,
    /// Get and cancel: so is the status of its cancellations.
    pub(crate) unknown_cancellation_status_rate: f64,
    /// Every object of the reply has a field that nobody has heard of.
    pub(crate) extra_fields: bool,
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
    /// The reply to the call that caused a webhook waits until its first copy has been delivered, or could not be.
    pub(crate) before_reply: bool,
    /// The event's type is one that nobody has heard of.
    pub(crate) unknown_type_rate: f64,
    /// The event has fields that nobody has heard of.
    pub(crate) extra_fields: bool,
    pub(crate) sign_with: SignWith,
}

/// Whose signatures a webhook carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum SignWith {
    /// One of each secret there is.
    #[default]
    All,
    /// The present secret's only.
    Present,
    /// The previous secret's only; without one it is the same as `WRONG`.
    Previous,
    /// Of a secret that nobody shares.
    Wrong,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Outage {
    pub(crate) down: bool,
    pub(crate) delay_ms: u64,
}

/// A provider that signs people in.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OauthFaults {
    pub(crate) down: bool,
    pub(crate) delay_ms: u64,
    pub(crate) lies: Vec<Lie>,
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
    Kakao,
    Naver,
    Google,
}

impl Faults {
    /// Names the first rate that is no probability, or that its operation cannot have.
    pub(crate) fn check(&self) -> Result<(), String> {
        let portone = &self.portone;
        let operations = [
            ("portone.preRegister", &portone.pre_register, [false, false, false]),
            ("portone.get", &portone.get, [false, false, true]),
            ("portone.confirm", &portone.confirm, [true, false, false]),
            ("portone.cancel", &portone.cancel, [true, true, false]),
        ];
        let mut rates = vec![
            ("webhook.dropRate".to_owned(), self.webhook.drop_rate, true),
            (
                "webhook.unknownTypeRate".to_owned(),
                self.webhook.unknown_type_rate,
                true,
            ),
        ];
        for (name, faults, [has_gateway, is_cancel, is_get]) in operations {
            let of_operation = [
                ("errorRate", faults.error_rate, true),
                ("errorAfterEffectRate", faults.error_after_effect_rate, true),
                ("dropReplyAfterEffectRate", faults.drop_reply_after_effect_rate, true),
                ("pgErrorRate", faults.pg_error_rate, has_gateway),
                ("requestedRate", faults.requested_rate, is_cancel),
                ("requestedFailRate", faults.requested_fail_rate, is_cancel),
                ("unknownEnumRate", faults.unknown_enum_rate, is_get),
                ("unknownChannelTypeRate", faults.unknown_channel_type_rate, is_get),
                (
                    "unknownCancellationStatusRate",
                    faults.unknown_cancellation_status_rate,
                    is_get || is_cancel,
                ),
            ];
            rates.extend(of_operation.map(|(rate, value, fits)| (format!("{name}.{rate}"), value, fits)));
        }
        for (name, rate, fits) in rates {
            if !(0.0..=1.0).contains(&rate) {
                return Err(format!("{name} is {rate}, not a rate between 0 and 1"));
            }
            if rate > 0.0 && !fits {
                return Err(format!("{name} cannot happen"));
            }
        }
        Ok(())
    }
}
