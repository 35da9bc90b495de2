use super::Subject;
use governor::{
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
};
use http::Request;
use std::{fmt, time::Duration};
use tower_governor::{
    GovernorError,
    governor::{GovernorConfig, GovernorConfigBuilder},
    key_extractor::KeyExtractor,
};

/// A limit counted in this process. Used only while Redis does not count it: replicas do not know of each other's counts.
pub(crate) struct Fallback(Option<GovernorConfig<BySubject, StateInformationMiddleware>>);

impl Fallback {
    /// So many requests per window, all of which may come at once.
    pub(super) fn new(window: Duration, limit: u32) -> Self {
        let mut builder = GovernorConfigBuilder::default().key_extractor(BySubject);
        Self(
            builder
                .period(window / limit.max(1))
                .burst_size(limit)
                .use_headers()
                .finish(),
        )
    }

    /// Counts one request: how many are left, or how long to wait.
    pub(crate) fn check(&self, subject: Subject) -> Result<u32, Duration> {
        // The builder refuses only a limit of nothing, which the table does.
        let Some(config) = &self.0 else {
            return Err(Duration::from_secs(60));
        };
        match config.limiter().check_key(&subject) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => Err(refused.wait_time_from(DefaultClock::default().now())),
        }
    }

    /// Forgets who has been silent for a whole window.
    pub(crate) fn forget_idle(&self) {
        if let Some(config) = &self.0 {
            config.limiter().retain_recent();
        }
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback")
    }
}

/// Tells `tower_governor` of what kind the keys are. It could also find one in a request, but we work ours out ourselves and ask
/// the limiter under it, so there is never a request to look into.
#[derive(Clone, Copy, Debug)]
struct BySubject;

impl KeyExtractor for BySubject {
    type Key = Subject;

    fn extract<T>(&self, _: &Request<T>) -> Result<Subject, GovernorError> {
        Err(GovernorError::UnableToExtractKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_its_own_count_and_is_told_how_long_to_wait() {
        let fallback = Fallback::new(Duration::from_secs(60), 2);
        let (one, other) = (
            Subject::User(uuid::Uuid::nil()),
            Subject::Address([127, 0, 0, 1].into()),
        );
        assert_eq!(fallback.check(one), Ok(1));
        assert_eq!(fallback.check(one), Ok(0));
        let wait = fallback.check(one).unwrap_err();
        assert!(
            wait > Duration::from_secs(25) && wait <= Duration::from_secs(30),
            "{wait:?}"
        );
        assert_eq!(fallback.check(other), Ok(1));
    }
}
