use crate::domain::Settings;
use common::config::{ConfigError, Env};
use std::time::Duration;

/// Lua cannot pass more than some thousands of arguments at once.
const MAX_BATCH: u32 = 2000;

/// What holds for every event unless an administrator set it otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// `QUEUE_CAPACITY`: how many may wait for one event, default 50,000.
    pub(crate) capacity: u32,
    /// `ADMISSION_PER_SECOND`, default 10.
    pub(crate) admission_per_second: u32,
    /// `MAX_ACTIVE`: places taken at once, default what the rate fills in ten minutes.
    pub(crate) max_active: Option<u32>,
    /// `ADMISSION_BURST_SECONDS`: for how many seconds unused admissions are kept, default 2; a tick that comes late makes
    /// up for it.
    pub(crate) burst: Duration,
    /// `ADMISSION_BATCH`: admissions of one tick at most, default 500; a larger batch would hold Redis up.
    pub(crate) batch: u32,
    /// `QUEUE_EVICTIONS_PER_TICK`, default 128.
    pub(crate) evictions: u32,
    /// `QUEUE_GRACE_SECONDS`: how long a waiter may be silent, default 150; hidden tabs wake once a minute.
    pub(crate) grace: Duration,
    /// `ADMISSION_CLAIM_SECONDS`: how long an admitted user may take to notice, default 60.
    pub(crate) claim: Duration,
    /// `QUEUE_TOKEN_TTL_SECONDS`: life of tokens and of a place once noticed, default 10 minutes.
    pub(crate) session: Duration,
    /// `QUEUE_ACTIVE_TTL_SECONDS`: how long a user counts as queued without polling, default 10 minutes.
    pub(crate) user_claim: Duration,
    /// `HOLD_PLACE_MARGIN_SECONDS`: how long a place outlasts its hold, default 60.
    pub(crate) hold_margin: Duration,
}

impl Limits {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.explain_default("MAX_ACTIVE", "600 times the rate");
        let max_active = env.parse_optional("MAX_ACTIVE")?;
        let batch = env.parse_or("ADMISSION_BATCH", 500)?;
        if batch > MAX_BATCH {
            return Err(ConfigError::new("ADMISSION_BATCH", format!("is more than {MAX_BATCH}")));
        }
        let evictions = env.parse_or("QUEUE_EVICTIONS_PER_TICK", 128)?;
        if evictions == 0 {
            return Err(ConfigError::new(
                "QUEUE_EVICTIONS_PER_TICK",
                "is 0: the first who fell silent would hold up everybody",
            ));
        }
        let session = env.seconds_or("QUEUE_TOKEN_TTL_SECONDS", 600)?;
        let user_claim = env.seconds_or("QUEUE_ACTIVE_TTL_SECONDS", 600)?;
        if user_claim < session {
            return Err(ConfigError::new(
                "QUEUE_ACTIVE_TTL_SECONDS",
                "is less than QUEUE_TOKEN_TTL_SECONDS: who is admitted could queue elsewhere meanwhile",
            ));
        }
        Ok(Self {
            capacity: env.parse_or("QUEUE_CAPACITY", 50_000)?,
            admission_per_second: env.parse_or("ADMISSION_PER_SECOND", 10)?,
            max_active,
            burst: env.seconds_or("ADMISSION_BURST_SECONDS", 2)?,
            batch,
            evictions,
            grace: env.seconds_or("QUEUE_GRACE_SECONDS", 150)?,
            claim: env.seconds_or("ADMISSION_CLAIM_SECONDS", 60)?,
            session,
            user_claim,
            hold_margin: env.seconds_or("HOLD_PLACE_MARGIN_SECONDS", 60)?,
        })
    }

    /// The settings of an event that has none of its own.
    pub(crate) fn default_settings(&self) -> Settings {
        Settings::new(self, None, None, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_under_which_a_line_would_stand_still_or_a_user_be_in_two_are_refused() {
        for (variable, value) in [
            ("ADMISSION_BATCH", "2001"),
            ("QUEUE_EVICTIONS_PER_TICK", "0"),
            ("QUEUE_ACTIVE_TTL_SECONDS", "599"),
        ] {
            let env = Env::from_pairs([(variable, value)]).unwrap();
            assert_eq!(Limits::from_env(&env).unwrap_err().variable, variable);
        }
    }
}
