//! What anybody may ask for at any time and is costly to find out.

use crate::problem::{ApiResult, Code, Problem};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How old an answer may be.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// An answer that all who ask within a second share: one of them finds it out and the others wait for that one. However many
/// operators' pages are open, there is one question a second in each process, failures included.
#[derive(Debug)]
pub struct Fresh<T>(Mutex<Option<(Instant, Option<T>)>>);

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Fresh<T> {
    /// The answer of the last second, or what `find` finds.
    ///
    /// # Errors
    /// Those of `find`; 503 to those who ask within a second after it failed.
    pub async fn get<F>(&self, find: impl FnOnce() -> F) -> ApiResult<T>
    where
        F: Future<Output = ApiResult<T>>,
    {
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < FRESH_FOR
        {
            return answer.clone().ok_or_else(|| Problem::new(Code::ServiceUnavailable));
        }
        let found = find().await;
        *last = Some((Instant::now(), found.as_ref().ok().cloned()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn those_who_ask_at_once_share_one_answer() {
        let (fresh, asked) = (Fresh::default(), AtomicU32::new(0));
        let ask = || {
            fresh.get(|| async {
                tokio::task::yield_now().await;
                Ok(asked.fetch_add(1, Ordering::Relaxed))
            })
        };
        let answers = tokio::join!(ask(), ask(), ask());
        assert_eq!(
            (answers.0.ok(), answers.1.ok(), answers.2.ok()),
            (Some(0), Some(0), Some(0))
        );
    }

    #[tokio::test]
    async fn a_failure_is_not_repeated_at_once() {
        let fresh: Fresh<u32> = Fresh::default();
        let failed = fresh.get(|| async { Err(Problem::new(Code::UpstreamFailed)) }).await;
        assert_eq!(failed.map_err(|problem| problem.code()), Err(Code::UpstreamFailed));
        let again = fresh.get(|| async { Ok(1) }).await;
        assert_eq!(again.map_err(|problem| problem.code()), Err(Code::ServiceUnavailable));
    }
}
