//! Everything that was found, what it is held to, and whether it holds.

use super::{
    bars::{self, Bar},
    books::Seats,
    design, page,
    sale::Fates,
};
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
    /// When the last seat was sold, in seconds from the opening.
    pub(super) sold_out_at: Option<f64>,
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
        let bars = bars::of(&findings, &refusals);
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
