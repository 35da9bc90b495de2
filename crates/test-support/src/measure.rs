//! Measuring two things against each other on a machine that is never quite the same twice.
//!
//! Absolute figures change with the machine and with what else it does; what lasts is the ratio of two figures that were
//! taken one after the other. So a bench runs rounds, each with one figure of ours and one of the peer's, and reports the
//! median of the rounds' ratios with its spread.

mod report;

pub use report::{Figure, compared, figures};
use std::{fmt, fs, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// What a ratio of ours to the peer's, or a figure, shall be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// More is better: throughput.
    AtLeast(f64),
    /// Less is better: time.
    AtMost(f64),
}

impl Bar {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bar) => figure >= bar,
            Self::AtMost(bar) => figure <= bar,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bar) => write!(formatter, "≥ {bar}"),
            Self::AtMost(bar) => write!(formatter, "≤ {bar}"),
        }
    }
}

/// Figures of ours and of a peer's, in pairs of the same round.
#[derive(Clone, Debug)]
pub struct Comparison {
    what: String,
    unit: &'static str,
    bar: Option<Bar>,
    pairs: Vec<(f64, f64)>,
}

impl Comparison {
    /// Without figures yet; `unit` is of both.
    #[must_use]
    pub fn new(what: &str, unit: &'static str) -> Self {
        Self {
            what: what.to_owned(),
            unit,
            bar: None,
            pairs: Vec::new(),
        }
    }

    /// What the ratio is held to.
    #[must_use]
    pub fn bar(mut self, bar: Bar) -> Self {
        self.bar = Some(bar);
        self
    }

    /// Adds a round.
    pub fn add(&mut self, ours: f64, peer: f64) {
        self.pairs.push((ours, peer));
    }

    /// The median of the rounds' ratios of ours to the peer's.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        median(self.ratios())
    }

    /// Whether the ratio is as it shall be; nothing if it is held to nothing.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        self.bar.map(|bar| bar.is_met(self.ratio()))
    }

    fn ratios(&self) -> Vec<f64> {
        self.pairs.iter().map(|(ours, peer)| ours / peer).collect()
    }
}

fn short(figure: f64) -> String {
    let magnitude = figure.abs();
    if magnitude >= 100.0 {
        format!("{figure:.0}")
    } else if magnitude >= 10.0 {
        format!("{figure:.1}")
    } else if magnitude >= 0.1 {
        format!("{figure:.2}")
    } else {
        format!("{figure:.4}")
    }
}

/// The middle of some figures.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match (figures.len(), figures.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => figures[middle],
        (_, middle) => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

/// The time in milliseconds that a share of the durations does not exceed; 0.99 for the 99th percentile.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is positive and small"
)]
pub fn percentile(mut durations: Vec<Duration>, share: f64) -> f64 {
    durations.sort_unstable();
    let rank = (durations.len() as f64 * share).ceil().max(1.0) as usize;
    durations
        .get(rank - 1)
        .map_or(f64::NAN, |duration| duration.as_secs_f64() * 1000.0)
}

/// What a load came to.
#[derive(Clone, Debug)]
pub struct Load {
    /// How long each call took.
    pub latencies: Vec<Duration>,
    /// From the first call's begin to the last one's end.
    pub elapsed: Duration,
    /// How long the machine's cores were busy meanwhile, whoever with.
    pub machine: Duration,
    /// How long they were with this process; this holds on a busy machine too.
    pub process: Duration,
}

impl Load {
    /// Calls per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Busy microseconds of the machine per call.
    #[must_use]
    pub fn machine_micros(&self) -> f64 {
        self.machine.as_secs_f64() * 1e6 / self.latencies.len() as f64
    }

    /// Microseconds of this process per call: service, clients and stand-ins, without the servers.
    #[must_use]
    pub fn process_micros(&self) -> f64 {
        self.process.as_secs_f64() * 1e6 / self.latencies.len() as f64
    }
}

/// Each of some clients calls again as soon as its call has ended, until the time is over.
///
/// # Panics
/// When a client does.
pub async fn closed_loop<C, F>(
    clients: Vec<C>,
    duration: Duration,
    call: impl Fn(C) -> F + Clone + Send + 'static,
) -> Load
where
    C: Send + 'static,
    F: Future<Output = C> + Send,
{
    let (started, machine, process) = (Instant::now(), of_machine(), of_process());
    let mut running = JoinSet::new();
    for mut client in clients {
        let call = call.clone();
        running.spawn(async move {
            let mut latencies = Vec::new();
            while started.elapsed() < duration {
                let began = Instant::now();
                client = call(client).await;
                latencies.push(began.elapsed());
            }
            latencies
        });
    }
    let latencies = running.join_all().await.concat();
    Load {
        latencies,
        elapsed: started.elapsed(),
        machine: of_machine().saturating_sub(machine),
        process: of_process().saturating_sub(process),
    }
}

/// Calls at a steady pace whether or not earlier calls have ended, so that a slow answer does not hide others.
///
/// # Panics
/// When a call does.
pub async fn open_loop<F>(calls: u32, pace: Duration, mut call: impl FnMut(u32) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let started = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..calls {
        sleep_until(started + pace * number).await;
        running.spawn(call(number));
    }
    running.join_all().await;
}

/// How long the machine's cores have been busy since it started; zero where that cannot be told.
fn of_machine() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .map_while(|field| field.parse().ok())
        .collect();
    // user, nice, system, then idle and iowait, then irq and softirq.
    hundredths([0, 1, 2, 5, 6].iter().filter_map(|index| ticks.get(*index)).sum())
}

/// How much of that this process was.
fn of_process() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in parentheses; user and system time are the 12th and 13th field after it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let times = fields.skip(11).take(2);
    hundredths(times.filter_map(|field| field.parse::<u64>().ok()).sum())
}

/// The kernel's unit.
fn hundredths(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_and_not_of_the_sums() {
        let mut comparison = Comparison::new("holds", "/s").bar(Bar::AtLeast(2.0));
        for (ours, peer) in [(2.0, 1.0), (30.0, 10.0), (1.0, 100.0)] {
            comparison.add(ours, peer);
        }
        assert!((comparison.ratio() - 2.0).abs() < f64::EPSILON);
        assert_eq!(comparison.met(), Some(true));
    }

    #[test]
    fn percentiles_are_figures_that_were_measured() {
        let durations: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert!((percentile(durations.clone(), 0.99) - 99.0).abs() < f64::EPSILON);
        assert!((percentile(durations, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!(percentile(Vec::new(), 0.5).is_nan());
    }
}
