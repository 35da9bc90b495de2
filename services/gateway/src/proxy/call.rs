//! A call of a service, from the breaker's permit to the verdict. There is one even if the caller gives up: a service that hangs
//! would never be judged otherwise, because people wait for less than the time that it has.

use super::way::Way;
use crate::body::{Upload, UploadState};
use metrics::Histogram;
use resilience::breaker::{Outcome, Permit};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Who has waited for this part of the time that the service has, has waited for a service that hangs. That is 7.5 s of the usual
/// 30, when hardly anybody waits on, and 15 s of the payment service's 60, which itself waits 10 s for PortOne. Whoever gives up
/// sooner may just have closed a page.
const PART_OF_ITS_TIME: u32 = 4;

/// A call under way.
pub(super) struct Call<'a> {
    pub(super) way: Way<'a>,
    /// Until there is a verdict.
    permit: Option<Permit>,
    /// Of a request with a body.
    upload: Option<Arc<Upload>>,
    started: Instant,
    /// The time that the service has.
    limit: Duration,
    duration: &'a Histogram,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        way: Way<'a>,
        permit: Permit,
        upload: Option<Arc<Upload>>,
        limit: Duration,
        duration: &'a Histogram,
    ) -> Self {
        Self {
            way,
            permit: Some(permit),
            upload,
            started: Instant::now(),
            limit,
            duration,
        }
    }

    /// How far the request's body has come, if it has one.
    pub(super) fn upload(&self) -> Option<&Upload> {
        self.upload.as_deref()
    }

    /// Whether the client has sent all of its request.
    pub(super) fn has_arrived(&self) -> bool {
        self.upload().is_none_or(|upload| upload.state() == UploadState::Done)
    }

    /// The verdict.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            self.duration.record(self.started.elapsed().as_secs_f64());
            permit.record(outcome);
        }
    }

    /// Whether the service has let its caller wait as only one does that hangs.
    fn hangs(&self) -> bool {
        let since = self.upload().map_or(Some(self.started), Upload::done_since);
        since.is_some_and(|since| since.elapsed() >= self.limit / PART_OF_ITS_TIME)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.permit.is_none() {
            return;
        }
        if self.hangs() {
            self.way.did_not_answer();
            self.settle(Outcome::Failure);
        } else {
            self.settle(Outcome::Ignored);
        }
    }
}
