//! Reading what Prometheus reads, as far as our own programs write it: `name{label="value",…} number`.

/// One number with its name and labels.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Sample {
    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(label, _)| label == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The samples of a metric.
pub(crate) fn of<'a>(samples: &'a [Sample], name: &'a str) -> impl Iterator<Item = &'a Sample> {
    samples.iter().filter(move |sample| sample.name == name)
}

/// All samples of a page. What is not one is left out: comments, and lines that a later release may write otherwise.
pub(crate) fn parse(page: &str) -> Vec<Sample> {
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(sample)
        .collect()
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.trim_end().rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, pairs(labels.strip_suffix('}')?)),
        None => (series, Vec::new()),
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().ok()?,
    })
}

/// Values of ours hold ids, routes and names, never a quote.
fn pairs(labels: &str) -> Vec<(String, String)> {
    let mut rest = labels;
    let mut pairs = Vec::new();
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else {
            break;
        };
        pairs.push((name.trim_start_matches(',').to_owned(), value.to_owned()));
        rest = after;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_and_the_rest_is_left_out() {
        let page = "# TYPE queue_waiting gauge\nqueue_waiting{event=\"a\"} 12\nplain 0.5\nconsumer_lag{group=\"g\",partition=\"0\"} 3\n\nbroken{x 1\nno number";
        let samples = parse(page);
        assert_eq!(samples.len(), 3);
        let waiting: Vec<_> = of(&samples, "queue_waiting").collect();
        assert_eq!((waiting[0].label("event"), waiting[0].value), (Some("a"), 12.0));
        let lag: Vec<_> = of(&samples, "consumer_lag").collect();
        assert_eq!((lag[0].label("partition"), lag[0].label("none")), (Some("0"), None));
    }
}
