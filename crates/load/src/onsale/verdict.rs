//! Everything that was found, what it is held to, and whether it holds.

use super::{books::Seats, design, page, sale::Fates};
use crate::{fairness::Fairness, recorder::EndpointFigures, watch::Usage};
use anyhow::Context;
use chrono::{DateTime, Utc};
use common::Clock;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const MEBIBYTE: f64 = 1_048_576.0;
/// What counting once a second cannot tell apart, in admissions.
const TOLERANCE: f64 = 1.0;

/// How it stood at one moment.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    /// Seconds from the opening.
    pub(super) at: f64,
    pub(super) entered: u64,
    pub(super) waiting: u64,
    pub(super) active: u64,
    pub(super) admitted: u64,
    pub(super) holding: i64,
    pub(super) paid: u64,
    pub(super) confirmed: u64,
    pub(super) available: usize,
    pub(super) held: usize,
    pub(super) sold: usize,
    pub(super) requests_per_second: f64,
    pub(super) failures: u64,
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Findings {
    pub(super) buyers: usize,
    pub(super) seed: u64,
    pub(super) entry_seconds: f64,
    pub(super) ended: &'static str,
    pub(super) finished: bool,
    pub(super) seconds: f64,
    pub(super) rate: f64,
    pub(super) burst: f64,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) fates: Fates,
    pub(super) fairness: Fairness,
    /// The most that was admitted beyond rate and burst; negative if never.
    pub(super) excess: f64,
    pub(super) moments: Vec<Moment>,
    pub(super) seats: Seats,
    pub(super) audit: Value,
    pub(super) violations: Vec<String>,
    pub(super) endpoints: Vec<EndpointFigures>,
    pub(super) simulators: Vec<EndpointFigures>,
    pub(super) usage: Usage,
}

/// Something that is held to something.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bar {
    pub(super) what: String,
    pub(super) found: String,
    pub(super) demanded: String,
    pub(super) met: bool,
    /// Whether missing it is a failure: exactness is, speed on some machine is not.
    pub(super) decides: bool,
}

/// A reply that the API does not promise to this crowd.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refusal {
    pub(super) endpoint: String,
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) count: u64,
    /// What brings it about, if it is by design.
    pub(super) by_design: Option<&'static str>,
}

/// The report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verdict {
    pub(super) holds: bool,
    pub(super) at: DateTime<Utc>,
    pub(super) machine: String,
    pub(super) bars: Vec<Bar>,
    pub(super) refusals: Vec<Refusal>,
    #[serde(flatten)]
    pub(super) findings: Findings,
}

impl Verdict {
    pub(super) fn of(findings: Findings) -> Self {
        let refusals = refusals(&findings);
        let bars = [exactness(&findings, &refusals), latencies(&findings), memory(&findings)].concat();
        Self {
            holds: bars.iter().all(|bar| bar.met || !bar.decides),
            at: Clock::system().now(),
            machine: machine(),
            bars,
            refusals,
            findings,
        }
    }

    pub(super) fn holds(&self) -> bool {
        self.holds
    }

    /// Writes `onsale.json` and `onsale.html`; gives the page's path.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        fs::write(folder.join("onsale.json"), serde_json::to_vec_pretty(self)?)?;
        let html = folder.join("onsale.html");
        fs::write(&html, page::render(self))?;
        Ok(html)
    }

    /// The bars as a table, and what went wrong.
    pub(super) fn summary(&self) -> String {
        let mut lines = Vec::new();
        for bar in &self.bars {
            let met = if bar.met { "met   " } else { "MISSED" };
            lines.push(format!("  {met}  {}: {} ({})", bar.what, bar.found, bar.demanded));
        }
        let texts = self
            .findings
            .violations
            .iter()
            .chain(&self.findings.seats.contradictions);
        lines.extend(
            texts
                .chain(&self.findings.fairness.examples)
                .map(|text| format!("  VIOLATION  {text}")),
        );
        for refusal in self.refusals.iter().filter(|refusal| refusal.by_design.is_none()) {
            let Refusal {
                endpoint,
                status,
                code,
                count,
                ..
            } = refusal;
            lines.push(format!("  NOT BY DESIGN  {endpoint}: {status} {code}, {count} times"));
        }
        lines.push(if self.holds {
            "VERDICT: fair and exact".to_owned()
        } else {
            "VERDICT: something did not hold".to_owned()
        });
        lines.join("\n")
    }
}

fn refusals(findings: &Findings) -> Vec<Refusal> {
    let all = findings.endpoints.iter().chain(&findings.simulators);
    let outcomes = all.flat_map(|figures| figures.outcomes.iter().map(|outcome| (&figures.endpoint, outcome)));
    outcomes
        .filter(|(_, outcome)| !(200..400).contains(&outcome.status))
        .map(|(endpoint, outcome)| Refusal {
            endpoint: endpoint.clone(),
            status: outcome.status,
            code: outcome.code.clone(),
            count: outcome.count,
            by_design: design::reason(endpoint, outcome.status, &outcome.code),
        })
        .collect()
}

/// What must hold on any machine.
fn exactness(findings: &Findings, refusals: &[Refusal]) -> Vec<Bar> {
    let Findings {
        fairness, seats, audit, ..
    } = findings;
    let none = |what: &str, count: usize| bar(what, count.to_string(), "none", count == 0);
    let all_ended: u64 = findings.fates.values().sum();
    let failed = findings
        .fates
        .get(&super::sale::Fate::Failed)
        .copied()
        .unwrap_or_default();
    let strange: u64 = refusals
        .iter()
        .filter(|refusal| refusal.by_design.is_none() && (400..500).contains(&refusal.status))
        .map(|refusal| refusal.count)
        .sum();
    let broken = audit["broken"].as_array().map_or(usize::MAX, Vec::len);
    let rests = audit["at_rest"] == true;
    let books = &audit["books"];
    let portone = &books["portone"];
    let money_agrees = books["captured"] == portone["captured"]
        && books["refunded"] == portone["cancelled"]
        && books["captured"]
            .as_i64()
            .zip(books["confirmed"].as_i64())
            .zip(books["refunded"].as_i64())
            .is_some_and(|((captured, confirmed), refunded)| captured == confirmed + refunded);
    let of_books = |name: &str| books[name].as_i64().unwrap_or_default();
    vec![
        bar(
            "the run came to its end",
            findings.ended.to_owned(),
            "sold out, or all served",
            findings.finished,
        ),
        none("overtaken in line (seen by buyers)", fairness.overtaken),
        bar(
            "grants out of order",
            format!("{} of {} compared", fairness.out_of_order, fairness.grants_compared),
            "none",
            fairness.out_of_order == 0,
        ),
        none("two at the same place", fairness.ties),
        bar(
            "admitted beyond rate and burst",
            format!("{:.0}", findings.excess.max(0.0)),
            "none",
            findings.excess < TOLERANCE,
        ),
        none("seats sold twice", seats.sold_twice),
        bar(
            "seats sold: books, bookings, map",
            format!(
                "{}, {}, {} of {}",
                seats.sold, seats.confirmed, seats.shown_sold, seats.total
            ),
            "the same, and not more than there are",
            seats.contradictions.is_empty(),
        ),
        none("contradictions told to buyers", findings.violations.len()),
        bar(
            "buyers whose evening ended as it may",
            format!("{} of {}", all_ended - failed, findings.buyers),
            "all",
            usize::try_from(all_ended - failed).is_ok_and(|count| count == findings.buyers),
        ),
        bar(
            "audit of the invariants",
            format!("{broken} broken"),
            "none, at rest",
            broken == 0 && rests,
        ),
        bar(
            "money",
            format!(
                "{} captured = {} confirmed + {} refunded; PortOne {} and {}",
                of_books("captured"),
                of_books("confirmed"),
                of_books("refunded"),
                portone["captured"],
                portone["cancelled"]
            ),
            "equal to the won, in our books and PortOne's",
            money_agrees,
        ),
        bar(
            "refusals that are not by design",
            strange.to_string(),
            "none",
            strange == 0,
        ),
    ]
}

/// The targets of design.md §15 for latencies; on this machine everything shares its cores with the buyers.
fn latencies(findings: &Findings) -> Vec<Bar> {
    let targets = [
        ("POST /queue/enter", 100.0),
        ("GET /queue/status", 50.0),
        ("GET /events", 200.0),
        ("GET /events/{id}", 100.0),
        ("GET /reservations/seats/{id}", 300.0),
    ];
    let mut bars: Vec<Bar> = targets
        .into_iter()
        .filter_map(|(endpoint, target)| {
            let figures = findings.endpoints.iter().find(|figures| figures.endpoint == endpoint)?;
            let found = format!("{:.1} ms", figures.p95);
            let mut bar = bar(
                &format!("P95 of {endpoint}"),
                found,
                &format!("< {target} ms"),
                figures.p95 < target,
            );
            bar.decides = false;
            Some(bar)
        })
        .collect();
    let failures = findings.moments.last().map_or(0, |moment| moment.failures);
    let mut errors = bar("failures (5xx, no reply)", failures.to_string(), "none", failures == 0);
    errors.decides = false;
    bars.push(errors);
    bars
}

fn memory(findings: &Findings) -> Vec<Bar> {
    let usage = &findings.usage;
    let of = |what: &str, bytes: u64, most: f64| {
        let mebibytes = mebibytes(bytes);
        let mut bar = bar(
            what,
            format!("{mebibytes:.0} MiB"),
            &format!("≤ {most} MiB"),
            mebibytes <= most,
        );
        bar.decides = false;
        bar
    };
    vec![
        of("memory of the six services before", usage.services_idle_bytes, 80.0),
        of(
            "memory of the six services at the peak",
            usage.services_peak_bytes,
            300.0,
        ),
    ]
}

fn bar(what: &str, found: String, demanded: &str, met: bool) -> Bar {
    Bar {
        what: what.to_owned(),
        found,
        demanded: demanded.to_owned(),
        met,
        decides: true,
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MEBIBYTE
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let build = if cfg!(debug_assertions) {
        "unoptimised"
    } else {
        "optimised"
    };
    format!("{cores} cores, load average {load} at the end, {build} build")
}
