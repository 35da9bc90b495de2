//! The report for people: one file without anything from elsewhere.

use super::{
    bars::mebibytes,
    chart::{Line, histogram, lines},
    verdict::{Moment, Verdict},
};
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:860px;margin:2em auto;padding:0 1em;color:#111}\
    table{border-collapse:collapse;width:100%;margin:1em 0}td,th{border-bottom:1px solid #ddd;padding:4px 8px;text-align:left;vertical-align:top}\
    td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.met{color:#047857}.missed{color:#b91c1c;font-weight:bold}\
    .verdict{padding:.6em 1em;border-radius:6px;color:#fff;font-size:1.3em}.grid{stroke:#e5e7eb}svg{width:100%}svg text{font-size:11px;fill:#555}\
    .legend{font-size:13px;color:#555}code{background:#f3f4f6;padding:0 3px}details{margin:.5em 0}";

/// The page.
pub(super) fn render(verdict: &Verdict) -> String {
    let found = &verdict.findings;
    let (colour, words) = if verdict.holds {
        ("#047857", "Fair and exact")
    } else {
        ("#b91c1c", "Something did not hold")
    };
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>On-sale: {buyers} buyers, {seats} seats</title><style>{STYLE}</style></head><body>\
         <h1>On-sale: {buyers} buyers, {seats} seats</h1><p class=\"verdict\" style=\"background:{colour}\">{words}</p>\
         <p>{at}; {machine}. All entered within {entry:.0} s; admitted at {rate:.0} a second (burst {burst:.0}); {sold_out}\
         {ended} after {seconds:.0} s. Seed {seed}.</p>",
        buyers = found.buyers,
        seats = found.seats.total,
        at = verdict.at.format("%Y-%m-%d %H:%M UTC"),
        machine = text(&verdict.machine),
        entry = found.entry_seconds,
        rate = found.rate,
        burst = found.burst,
        sold_out = found
            .sold_out_at
            .map(|at| format!("the last seat was sold after {at:.0} s; "))
            .unwrap_or_default(),
        ended = found.ended,
        seconds = found.seconds,
        seed = found.seed,
    );
    bars(&mut page, verdict);
    contradictions(&mut page, verdict);
    curves(&mut page, verdict);
    endpoints(&mut page, verdict);
    refusals(&mut page, verdict);
    people(&mut page, verdict);
    processes(&mut page, verdict);
    settings(&mut page, verdict);
    page.push_str("</body></html>\n");
    page
}

/// Writing to a string cannot fail.
macro_rules! put {
    ($page:expr, $($text:tt)+) => {
        let _ = write!($page, $($text)+);
    };
}

fn bars(page: &mut String, verdict: &Verdict) {
    put!(
        page,
        "<h2>What it is held to</h2><table><tr><th>what</th><th>found</th><th>demanded</th><th></th></tr>"
    );
    for bar in &verdict.bars {
        let (class, word) = if bar.met { ("met", "met") } else { ("missed", "MISSED") };
        put!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{word}</td></tr>",
            text(&bar.what),
            text(&bar.found),
            text(&bar.demanded)
        );
    }
    put!(
        page,
        "</table><p>Latencies, failures and memory do not decide: they depend on the machine, which the buyers share with the \
         system. Everything else does.</p>"
    );
}

fn contradictions(page: &mut String, verdict: &Verdict) {
    let found = &verdict.findings;
    let texts = found.violations.iter().chain(&found.seats.contradictions);
    let texts: Vec<&String> = texts.chain(&found.fairness.examples).collect();
    if !texts.is_empty() {
        put!(page, "<h2 class=\"missed\">Contradictions</h2><ul>");
        for entry in texts {
            put!(page, "<li>{}</li>", text(entry));
        }
        put!(page, "</ul>");
    }
    if let Some(broken) = found.audit["broken"].as_array().filter(|broken| !broken.is_empty()) {
        put!(page, "<h2 class=\"missed\">Broken invariants</h2><pre>");
        for kind in broken {
            put!(page, "{}\n", text(&kind.to_string()));
        }
        put!(page, "</pre>");
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
fn curves(page: &mut String, verdict: &Verdict) {
    let found = &verdict.findings;
    let line = |name: &str, figure: fn(&Moment) -> f64| Line {
        name: name.to_owned(),
        points: found
            .moments
            .iter()
            .map(|moment| (moment.at.max(0.0), figure(moment)))
            .collect(),
    };
    let admitted = line("admitted", |moment| moment.admitted as f64);
    let most = admitted.points.iter().map(|point| point.1).fold(0.0, f64::max);
    let allowed = Line {
        name: "allowed by rate and burst".to_owned(),
        points: found
            .moments
            .iter()
            .map(|moment| moment.at.max(0.0))
            .map(|at| (at, found.burst + found.rate * at))
            .take_while(|point| point.1 <= most * 1.1)
            .collect(),
    };
    put!(
        page,
        "<h2>Admission</h2>{}<p>The curve falls behind the rate where the seats that are left are all in somebody's hands: nobody \
         is let in for nothing.</p>",
        lines(
            &[admitted, allowed, line("places taken", |moment| moment.active as f64)],
            "seconds"
        )
    );
    put!(
        page,
        "<h2>The line</h2>{}",
        lines(
            &[
                line("waiting", |moment| moment.waiting as f64),
                line("entered", |moment| moment.entered as f64)
            ],
            "seconds"
        )
    );
    put!(
        page,
        "<h2>The hall</h2>{}",
        lines(
            &[
                line("available", |moment| moment.available as f64),
                line("held", |moment| moment.held as f64),
                line("sold", |moment| moment.sold as f64)
            ],
            "seconds"
        )
    );
    put!(
        page,
        "<h2>Requests per second</h2>{}",
        lines(
            &[line("requests per second", |moment| moment.requests_per_second)],
            "seconds"
        )
    );
}

fn endpoints(page: &mut String, verdict: &Verdict) {
    put!(
        page,
        "<h2>Latencies</h2><p>Milliseconds, from the moment at which the request was due.</p><table><tr><th>endpoint</th>\
         <th class=n>calls</th><th class=n>P50</th><th class=n>P95</th><th class=n>P99</th><th class=n>P99.9</th><th class=n>longest</th></tr>"
    );
    for figures in &verdict.findings.endpoints {
        put!(
            page,
            "<tr><td><code>{}</code></td><td class=n>{}</td>",
            text(&figures.endpoint),
            figures.count
        );
        for figure in [figures.p50, figures.p95, figures.p99, figures.p999, figures.max] {
            put!(page, "<td class=n>{figure:.1}</td>");
        }
        put!(page, "</tr>");
    }
    put!(
        page,
        "</table><details><summary>How often which latency (height logarithmic)</summary>"
    );
    for figures in &verdict.findings.endpoints {
        put!(
            page,
            "<h3><code>{}</code></h3>{}",
            text(&figures.endpoint),
            histogram(&figures.buckets)
        );
    }
    put!(page, "</details>");
}

fn refusals(page: &mut String, verdict: &Verdict) {
    put!(
        page,
        "<h2>Refusals</h2><table><tr><th>endpoint</th><th>reply</th><th class=n>times</th><th>why</th></tr>"
    );
    for refusal in &verdict.refusals {
        let (class, why) = match refusal.by_design {
            Some(why) => ("", why),
            None => ("missed", "not by design"),
        };
        put!(
            page,
            "<tr><td><code>{}</code></td><td>{} {}</td><td class=n>{}</td><td class=\"{class}\">{why}</td></tr>",
            text(&refusal.endpoint),
            refusal.status,
            text(&refusal.code),
            refusal.count
        );
    }
    put!(page, "</table>");
}

fn people(page: &mut String, verdict: &Verdict) {
    let found = &verdict.findings;
    put!(
        page,
        "<h2>How the evening ended</h2><table><tr><th>buyers</th><th class=n>how many</th></tr>"
    );
    for (fate, count) in &found.fates {
        let name = serde_json::to_value(fate).unwrap_or_default();
        put!(
            page,
            "<tr><td>{}</td><td class=n>{count}</td></tr>",
            name.as_str().unwrap_or_default()
        );
    }
    put!(
        page,
        "</table><table><tr><th>reservations</th><th class=n>how many</th></tr>"
    );
    for (status, count) in &found.seats.by_status {
        put!(page, "<tr><td>{}</td><td class=n>{count}</td></tr>", text(status));
    }
    let fairness = &found.fairness;
    put!(
        page,
        "</table><p>{} entered, {} were seen to be admitted, {} grants were compared with the order of entering. {} were silent for \
         longer than an admission waits to be claimed; they may be passed over by design, and are judged only as those who \
         might have overtaken.</p>",
        fairness.entered,
        fairness.admitted,
        fairness.grants_compared,
        fairness.silent
    );
}

fn processes(page: &mut String, verdict: &Verdict) {
    put!(
        page,
        "<h2>Processes</h2><table><tr><th>process</th><th class=n>MiB before</th><th class=n>MiB at the peak</th>\
         <th class=n>processor seconds</th></tr>"
    );
    for (name, process) in &verdict.findings.usage.processes {
        put!(
            page,
            "<tr><td>{}</td><td class=n>{:.0}</td><td class=n>{:.0}</td><td class=n>{:.1}</td></tr>",
            text(name),
            mebibytes(process.idle_bytes),
            mebibytes(process.peak_bytes),
            process.cpu_seconds
        );
    }
    put!(page, "</table>");
}

fn settings(page: &mut String, verdict: &Verdict) {
    put!(page, "<h2>Settings that differ from their defaults</h2><table>");
    for (name, value) in &verdict.findings.settings {
        put!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td></tr>",
            text(name),
            text(value)
        );
    }
    put!(page, "</table>");
}

/// Text that is no markup.
fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
