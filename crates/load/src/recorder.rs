//! What every call came to: a histogram of latencies and counts of replies, per endpoint.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Three digits of every latency are kept, from a microsecond to five minutes; longer ones count as that.
const DIGITS: u8 = 3;
const LONGEST_MICROS: u64 = 300_000_000;

/// Latencies and replies of a load.
#[derive(Default)]
pub struct Recorder {
    endpoints: Mutex<BTreeMap<&'static str, Figures>>,
    requests: AtomicU64,
    failures: AtomicU64,
}

struct Figures {
    latencies: Histogram<u64>,
    outcomes: BTreeMap<(u16, String), u64>,
}

/// What one endpoint's calls came to. Latencies are in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointFigures {
    /// Such as `POST /queue/enter`.
    pub endpoint: String,
    /// How many calls had a reply.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 95 of 100 took no longer.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// How many replies there were of each kind.
    pub outcomes: Vec<Outcome>,
    /// Upper ends of intervals and how many calls ended in each: what a chart is drawn of.
    pub buckets: Vec<(f64, u64)>,
}

/// Replies of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The HTTP status; 0 for no reply.
    pub status: u16,
    /// The problem's code, or why there was no reply; empty for a success.
    pub code: String,
    /// How many.
    pub count: u64,
}

impl Recorder {
    /// Writes a reply down.
    pub fn reply(&self, endpoint: &'static str, status: u16, code: Option<&str>, took: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if status >= 500 {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        self.write(endpoint, (status, code.unwrap_or_default().to_owned()), Some(took));
    }

    /// Writes down that there was none.
    pub fn lost(&self, endpoint: &'static str, why: io::ErrorKind, _took: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.write(endpoint, (0, format!("{why:?}")), None);
    }

    fn write(&self, endpoint: &'static str, outcome: (u16, String), took: Option<Duration>) {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = endpoints.entry(endpoint).or_insert_with(Figures::new);
        if let Some(took) = took {
            let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_MICROS);
            figures.latencies.saturating_record(micros.max(1));
        }
        *figures.outcomes.entry(outcome).or_default() += 1;
    }

    /// Requests so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Those that failed: no reply, or a 5xx.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Everything so far, by endpoint.
    #[must_use]
    pub fn figures(&self) -> Vec<EndpointFigures> {
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        endpoints
            .iter()
            .map(|(endpoint, figures)| figures.report(endpoint))
            .collect()
    }
}

impl Figures {
    fn new() -> Self {
        Self {
            latencies: histogram(),
            outcomes: BTreeMap::new(),
        }
    }

    fn report(&self, endpoint: &str) -> EndpointFigures {
        let quantile = |share: f64| millis(self.latencies.value_at_quantile(share));
        let outcomes = self.outcomes.iter().map(|((status, code), count)| Outcome {
            status: *status,
            code: code.clone(),
            count: *count,
        });
        // Intervals that double: as even as the scale of a chart of latencies.
        let buckets = self.latencies.iter_log(100, 2.0);
        EndpointFigures {
            endpoint: endpoint.to_owned(),
            count: self.latencies.len(),
            mean: self.latencies.mean() / 1000.0,
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: millis(self.latencies.max()),
            outcomes: outcomes.collect(),
            buckets: buckets
                .map(|bucket| {
                    (
                        millis(bucket.value_iterated_to() + 1),
                        bucket.count_since_last_iteration(),
                    )
                })
                .collect(),
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "it refuses other bounds and digits than these constants only"
)]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).expect("constants that it takes")
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of minutes are far below 2^52")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let recorder = Recorder::default();
        for millis in 1..=1000 {
            recorder.reply("GET /x", 200, None, Duration::from_millis(millis));
        }
        recorder.reply("GET /x", 409, Some("SOLD_OUT"), Duration::from_millis(1));
        recorder.lost("GET /x", io::ErrorKind::TimedOut, Duration::from_secs(75));
        let [figures] = recorder.figures().try_into().unwrap();
        assert_eq!(figures.count, 1001);
        for (found, expected) in [
            (figures.p50, 500.0),
            (figures.p95, 950.0),
            (figures.p99, 990.0),
            (figures.max, 1000.0),
        ] {
            assert!(
                (found - expected).abs() <= expected / 500.0,
                "{found} is not {expected}"
            );
        }
        assert_eq!(figures.buckets.iter().map(|bucket| bucket.1).sum::<u64>(), 1001);
        let outcome = |status, code: &str, count| Outcome {
            status,
            code: code.to_owned(),
            count,
        };
        assert_eq!(
            figures.outcomes,
            [
                outcome(0, "TimedOut", 1),
                outcome(200, "", 1000),
                outcome(409, "SOLD_OUT", 1)
            ]
        );
        assert_eq!((recorder.requests(), recorder.failures()), (1002, 1));
    }

    #[test]
    fn what_takes_for_ever_counts_as_the_longest() {
        let recorder = Recorder::default();
        recorder.reply("GET /x", 200, None, Duration::from_secs(3600));
        assert!(recorder.figures()[0].max >= 299_000.0);
    }
}
