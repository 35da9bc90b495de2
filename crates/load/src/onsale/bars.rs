//! What is held to what. Exactness decides; latencies and memory, which depend on the machine, are shown.

use super::{
    sale::{Fate, Fates},
    verdict::{Findings, Refusal},
};
use serde::Serialize;

const MEBIBYTE: f64 = 1_048_576.0;
/// What counting once a second cannot tell apart, in admissions.
const TOLERANCE: f64 = 1.0;
/// One of so many may be too slow for his place.
const HARDLY_ANY: u64 = 20;

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

/// Everything that is held to something.
pub(super) fn of(findings: &Findings, refusals: &[Refusal]) -> Vec<Bar> {
    [exactness(findings, refusals), latencies(findings), memory(findings)].concat()
}

/// What must hold on any machine.
fn exactness(findings: &Findings, refusals: &[Refusal]) -> Vec<Bar> {
    let Findings {
        fairness, seats, audit, ..
    } = findings;
    let none = |what: &str, count: usize| bar(what, count.to_string(), "none", count == 0);
    let all_ended: u64 = findings.fates.values().sum();
    let failed = findings.fates.get(&Fate::Failed).copied().unwrap_or_default();
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
            "all went home by themselves",
            findings.finished,
        ),
        empty_handed(&findings.fates, seats.sold, seats.total),
        bar(
            "overtaken in line (seen by buyers)",
            format!(
                "{} of {} judged",
                fairness.overtaken,
                fairness.entered - fairness.silent
            ),
            "none",
            fairness.overtaken == 0,
        ),
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

/// Fair and exact is also a sale at which nobody gets anything: seats are left over only if nobody wanted them.
fn empty_handed(fates: &Fates, sold: usize, total: usize) -> Bar {
    let left = total.saturating_sub(sold);
    let unserved: u64 = [Fate::SoldOut, Fate::Refused, Fate::PlaceEnded]
        .iter()
        .filter_map(|fate| fates.get(fate))
        .sum();
    let buyers: u64 = fates.values().sum();
    bar(
        "seats left, and buyers who went home without",
        format!("{left}, {unserved}"),
        "none of the one, or hardly any of the other",
        left == 0 || unserved <= buyers / HARDLY_ANY,
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_left_over_only_if_nobody_wanted_them() {
        let met = |sold, unserved| {
            let fates = Fates::from([(Fate::Bought, 100 - unserved), (Fate::SoldOut, unserved)]);
            empty_handed(&fates, sold, 60).met
        };
        assert!(met(60, 90), "sold out");
        assert!(met(40, 0), "more seats than buyers");
        assert!(!met(59, 90) && !met(0, 100), "sent home though seats were left");
    }
}
