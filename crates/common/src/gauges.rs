//! Gauges of things that come and go: a concert's waiting line, a partition that moves to another replica, a pool.
//!
//! The recorder of `metrics` keeps a series for as long as the process lives, so what has ended would go on showing the last
//! thing that was said of it, and alarms with it. These are kept here instead, stand in `/metrics` among the others, and can
//! be ended. They may also be read, for the operators' page ([`crate::vitals`]). None of them is on the way of a request.

use crate::metric_list;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Labels of a series, in the order in which they are shown.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// A series: its labels and its value.
pub type Series = (Vec<(&'static str, String)>, f64);

type Families = BTreeMap<&'static str, Vec<Series>>;

static SHOWN: Mutex<Families> = Mutex::new(BTreeMap::new());

/// Shows a value.
pub fn set(name: &'static str, labels: Labels<'_>, value: f64) {
    let mut shown = lock();
    let family = shown.entry(name).or_default();
    match family.iter_mut().find(|(own, _)| is_same(own, labels)) {
        Some((_, known)) => *known = value,
        None => family.push((owned(labels), value)),
    }
}

/// Shows an integer. Beyond 2⁵³ it is not exact, which no count of ours reaches.
#[expect(clippy::cast_precision_loss, reason = "said above")]
pub fn set_count(name: &'static str, labels: Labels<'_>, count: u64) {
    set(name, labels, count as f64);
}

/// Shows no series of this name any more that has all of these labels.
pub fn end(name: &'static str, labels: Labels<'_>) {
    if let Some(family) = lock().get_mut(name) {
        family.retain(|(own, _)| !has_all(own, labels));
    }
}

/// Shows these series and ends all others of the name that have all of these labels, in one step.
pub fn replace(name: &'static str, having: Labels<'_>, series: Vec<Series>) {
    let mut shown = lock();
    let family = shown.entry(name).or_default();
    family.retain(|(own, _)| !has_all(own, having));
    family.extend(series);
}

/// What is shown under a name now.
#[must_use]
pub fn of(name: &str) -> Vec<Series> {
    lock().get(name).cloned().unwrap_or_default()
}

/// The value of a label.
#[must_use]
pub fn label<'a>(series: &'a Series, name: &str) -> Option<&'a str> {
    let (labels, _) = series;
    labels
        .iter()
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value.as_str())
}

/// All of them as Prometheus reads them.
pub(crate) fn render() -> String {
    let mut text = String::new();
    for (name, family) in lock().iter().filter(|(_, family)| !family.is_empty()) {
        let help = metric_list::find(name).map_or("", |metric| metric.help);
        // Writing into a text cannot fail.
        let _written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in family {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", value.replace(['\\', '"', '\n'], "_")))
                .collect();
            let _written = match labels.is_empty() {
                true => writeln!(text, "{name} {value}"),
                false => writeln!(text, "{name}{{{}}} {value}", labels.join(",")),
            };
        }
    }
    text
}

fn lock() -> MutexGuard<'static, Families> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn owned(labels: Labels<'_>) -> Vec<(&'static str, String)> {
    labels
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

fn has_all(own: &[(&'static str, String)], labels: Labels<'_>) -> bool {
    labels
        .iter()
        .all(|(name, value)| own.iter().any(|(own, text)| own == name && text == value))
}

fn is_same(own: &[(&'static str, String)], labels: Labels<'_>) -> bool {
    own.len() == labels.len() && has_all(own, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_shown_until_it_is_ended() {
        const NAME: &str = "queue_waiting";
        set_count(NAME, &[("event", "a")], 3);
        set_count(NAME, &[("event", "a")], 2);
        set(NAME, &[("event", "b\"\n")], 0.5);
        let text = render();
        assert!(text.contains("# TYPE queue_waiting gauge\n"), "{text}");
        assert!(
            text.contains("queue_waiting{event=\"a\"} 2\n") && text.contains("queue_waiting{event=\"b__\"} 0.5\n"),
            "{text}"
        );
        end(NAME, &[("event", "a")]);
        assert!(!render().contains("event=\"a\""));
        replace(NAME, &[], vec![(vec![("event", "c".to_owned())], 1.0)]);
        let left = of(NAME);
        assert_eq!((left.len(), label(&left[0], "event")), (1, Some("c")));
        end(NAME, &[]);
        assert!(!render().contains(NAME), "a name without series is not mentioned");
    }
}
