use std::collections::VecDeque;

/// The last verdicts, oldest first, with their failures counted along so that no call has to sum them up.
#[derive(Debug)]
pub(super) struct Window {
    /// True for a failure.
    verdicts: VecDeque<bool>,
    capacity: u32,
    calls: u32,
    failures: u32,
}

impl Window {
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            verdicts: VecDeque::new(),
            capacity,
            calls: 0,
            failures: 0,
        }
    }

    /// Remembers a verdict, and forgets the oldest if there are too many.
    pub(super) fn push(&mut self, failed: bool) {
        if self.calls == self.capacity {
            if let Some(oldest_failed) = self.verdicts.pop_front() {
                self.failures -= u32::from(oldest_failed);
            }
        } else {
            self.calls += 1;
        }
        self.verdicts.push_back(failed);
        self.failures += u32::from(failed);
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}
