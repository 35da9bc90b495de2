use crate::domain::Limits;
use common::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Admission beyond this is no queue any more, and one tick could not keep up.
const MAX_ADMISSION_PER_SECOND: u32 = 10_000;
/// More places than any hall has seats.
const MAX_ACTIVE: u32 = 1_000_000;
/// The default cap in seconds of admission: how long a place lasts.
const CAP_SECONDS: u32 = 600;

/// Who changes settings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Actor<'a> {
    /// An administrator, by account.
    Admin(Uuid),
    /// Somebody with `ticketctl`, by name.
    Operator(&'a str),
}

impl<'a> Actor<'a> {
    pub(crate) const fn admin(self) -> Option<Uuid> {
        match self {
            Self::Admin(id) => Some(id),
            Self::Operator(_) => None,
        }
    }

    pub(crate) const fn operator(self) -> Option<&'a str> {
        match self {
            Self::Admin(_) => None,
            Self::Operator(name) => Some(name),
        }
    }
}

/// How fast an event's line moves, defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) admission_per_second: u32,
    pub(crate) max_active: u32,
    pub(crate) paused: bool,
}

impl Settings {
    /// What was set for an event, with the service's `limits` where nothing was.
    pub(crate) fn new(limits: &Limits, rate: Option<u32>, max_active: Option<u32>, paused: bool) -> Self {
        let admission_per_second = rate.unwrap_or(limits.admission_per_second);
        Self {
            admission_per_second,
            max_active: max_active
                .or(limits.max_active)
                .unwrap_or_else(|| admission_per_second.saturating_mul(CAP_SECONDS)),
            paused,
        }
    }

    /// How many unused admissions the bucket keeps; at least one, or a slow rate would never admit anybody.
    pub(crate) fn burst(&self, limits: &Limits) -> f64 {
        (f64::from(self.admission_per_second) * limits.burst.as_secs_f64()).max(1.0)
    }
}

/// A change of an event's settings; what is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettingsChange {
    /// Admissions per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub admission_per_second: Option<u32>,
    /// How many may be admitted at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub max_active: Option<u32>,
    /// Whether nobody is admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

impl SettingsChange {
    /// Whether anything is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.admission_per_second.is_none() && self.max_active.is_none() && self.paused.is_none()
    }

    /// Refuses values that no line can have.
    pub(crate) fn validate(&self) -> Result<(), Problem> {
        if let Some(rate) = self.admission_per_second
            && !(1..=MAX_ADMISSION_PER_SECOND).contains(&rate)
        {
            return Err(Problem::invalid(
                "admissionPerSecond",
                "must be from 1 to 10000; pause the line to stop it",
            ));
        }
        if self.max_active.is_some_and(|cap| cap > MAX_ACTIVE) {
            return Err(Problem::invalid("maxActive", "must be from 0 to 1000000"));
        }
        Ok(())
    }
}
