use super::*;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// How a metric is recorded, by kind; what follows is its name or the constant that holds it.
const RECORDED: [(&str, Kind); 6] = [
    ("counter!(", Counter),
    ("histogram!(", Histogram),
    ("gauge!(", Gauge),
    ("gauges::set(", Gauge),
    ("gauges::set_count(", Gauge),
    ("gauges::replace(", Gauge),
];
/// What Prometheus itself shows of each program.
const PROMETHEUS_OWN: [&str; 1] = ["up"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The sources of the programs, without their tests.
fn sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "benches", "target", "fuzz"].contains(&name.as_str()) {
                sources(&path, into);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            into.push((path, code));
        }
    }
}

/// The name that stands at the beginning of a call's arguments.
fn name_at<'a>(arguments: &'a str, file: &'a str) -> Option<&'a str> {
    let arguments = arguments.trim_start();
    if let Some(literal) = arguments.strip_prefix('"') {
        return literal.split('"').next();
    }
    let constant = arguments.split(|c: char| !c.is_ascii_uppercase() && c != '_').next()?;
    let (_, value) = file.split_once(&format!("const {constant}: &str = \""))?;
    value.split('"').next()
}

#[test]
fn what_the_programs_record_is_what_is_listed() {
    let mut files = Vec::new();
    for folder in ["crates", "services"] {
        sources(&repository().join(folder), &mut files);
    }
    let mut recorded = BTreeSet::new();
    for (path, text) in &files {
        if path.ends_with("metric_list.rs") || path.ends_with("gauges.rs") {
            continue;
        }
        for (call, kind) in RECORDED {
            for (at, _) in text.match_indices(call) {
                if text[..at].ends_with("describe_") {
                    continue;
                }
                let name = name_at(&text[at + call.len()..], text)
                    .unwrap_or_else(|| panic!("{}: {call} names no metric", path.display()));
                let metric = find(name).unwrap_or_else(|| panic!("{}: {name} is not listed", path.display()));
                assert_eq!(metric.kind, kind, "{}: {name}", path.display());
                recorded.insert(name.to_owned());
            }
        }
    }
    let listed: BTreeSet<String> = ALL.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(listed, recorded, "listed, and recorded");
}

#[test]
fn names_and_units_are_as_prometheus_wants_them() {
    let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len(), "each is listed once");
    for Metric { name, kind, help, .. } in ALL {
        assert_eq!(name.ends_with("_total"), *kind == Counter, "{name}");
        assert!(
            *kind != Histogram || name.ends_with("_seconds"),
            "{name} has no buckets"
        );
        assert!(help.ends_with('.') && !help.contains(['|', '\n']), "{name}: {help}");
    }
}

#[test]
fn the_document_has_them_all() {
    let text = read("docs/observability.md");
    let table: String = ALL
        .iter()
        .map(|metric| {
            let labels = match metric.labels {
                "" => "–".to_owned(),
                labels => format!("`{}`", labels.replace(", ", "`, `")),
            };
            let kind = format!("{:?}", metric.kind).to_lowercase();
            format!(
                "| `{}` | {kind} | {labels} | {} | {} |\n",
                metric.name, metric.from, metric.help
            )
        })
        .collect();
    assert!(
        text.contains(&table),
        "docs/observability.md must have this table:\n{table}"
    );
}

/// The metrics of a PromQL expression: its words that are no function, no label and no number.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let mut plain = String::new();
    let mut depth = 0;
    for c in expression.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    for list in ["by (", "without (", "on ("] {
        while let Some((before, after)) = plain.clone().split_once(list) {
            plain = format!("{before} {}", after.split_once(')').map_or("", |(_, rest)| rest));
        }
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = BTreeSet::new();
    let mut rest = plain.as_str();
    while let Some(start) = rest.find(is_word) {
        let word: &str = &rest[start..];
        let length = word.find(|c| !is_word(c)).unwrap_or(word.len());
        rest = &word[length..];
        let word = &word[..length];
        let is_function = rest.trim_start().starts_with('(');
        let is_operator = ["and", "or", "unless"].contains(&word);
        if !is_function && !is_operator && !word.starts_with(|c: char| c.is_ascii_digit()) {
            found.insert(word.to_owned());
        }
    }
    found
}

fn is_shown(name: &str) -> bool {
    let histogram = ["_bucket", "_count", "_sum"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .and_then(find);
    find(name).is_some_and(|metric| metric.kind != Histogram)
        || histogram.is_some_and(|metric| metric.kind == Histogram)
        || PROMETHEUS_OWN.contains(&name)
}

#[test]
fn expressions_are_taken_apart() {
    let expression = "topk(8, histogram_quantile(0.95, sum by (route, le) (rate(a_seconds_bucket{service=\"x\"}[1m])))) / b > 5 and up";
    let expected = ["a_seconds_bucket", "b", "up"].map(str::to_owned);
    assert_eq!(metrics_of(expression), BTreeSet::from(expected));
    assert!(is_shown("cache_load_duration_seconds_bucket") && !is_shown("cache_load_duration_seconds"));
    assert!(!is_shown("queue_waiting_total"));
}

#[test]
fn dashboards_and_alerts_name_only_what_is_there() {
    let mut expressions = Vec::new();
    let folder = repository().join("infra/observe/grafana/dashboards");
    for entry in fs::read_dir(folder).unwrap() {
        let dashboard: serde_json::Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                expressions.push(target["expr"].as_str().unwrap().to_owned());
            }
        }
    }
    assert!(expressions.len() > 20);
    let alerts = read("infra/observe/prometheus/alerts.yml");
    for alert in alerts.split("- alert:").skip(1) {
        let (_, text) = alert.split_once("expr:").unwrap();
        let ends = ["\n        for:", "\n        labels:"]
            .into_iter()
            .filter_map(|key| text.find(key))
            .min();
        expressions.push(text[..ends.unwrap()].trim_start_matches([' ', '|']).to_owned());
    }
    for expression in &expressions {
        let named = metrics_of(expression);
        assert!(!named.is_empty(), "{expression}");
        for name in named {
            assert!(is_shown(&name), "nobody shows {name}: {expression}");
        }
    }
}

#[test]
fn cloudwatch_gets_ten_that_are_there() {
    let terraform = read("infra/terraform/modules/watch/main.tf");
    let (_, list) = terraform.split_once("metrics = [").unwrap();
    let names: Vec<&str> = list.split(']').next().unwrap().split('"').skip(1).step_by(2).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    for name in names {
        assert!(is_shown(name) || find(name).is_some(), "nobody shows {name}");
    }
}

#[test]
fn each_alert_has_its_section_in_the_runbook() {
    let (alerts, runbook) = (read("infra/observe/prometheus/alerts.yml"), read("docs/runbook.md"));
    for alert in alerts.split("- alert:").skip(1) {
        let name = alert.lines().next().unwrap().trim();
        let priority = alert.split_once("priority: ").unwrap().1.split('}').next().unwrap();
        let heading = format!("## {name} ({priority})");
        assert!(runbook.contains(&heading), "{heading} is missing");
    }
}
