//! What is shown, and whether all is well.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use serde::Serialize;

use super::{Numbers, programs::Program};
use crate::{
    exposition::{self, Sample},
    text,
};

/// The whole system, as JSON too.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Screen {
    programs: Vec<Program>,
    lines: Vec<Line>,
    /// Breakers that are not closed.
    breakers: Vec<Breaker>,
    /// Messages not handled yet, by consumer group.
    behind: BTreeMap<String, f64>,
    numbers: Option<Numbers>,
    open_dead_letters: Option<usize>,
    /// What needs somebody.
    trouble: Vec<String>,
}

/// The waiting line of a concert.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    event_id: String,
    title: String,
    waiting: f64,
    active: f64,
}

/// A breaker that lets nothing or little through.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Breaker {
    program: &'static str,
    name: String,
    state: &'static str,
}

impl Screen {
    pub(super) fn new(
        programs: Vec<Program>,
        numbers: anyhow::Result<Numbers>,
        letters: anyhow::Result<usize>,
    ) -> Self {
        let mut trouble = Vec::new();
        let numbers = numbers
            .map_err(|error| trouble.push(format!("the database: {error:#}")))
            .ok();
        let open_dead_letters = letters
            .map_err(|error| trouble.push(format!("dead letters: {error:#}")))
            .ok();
        let mut screen = Self {
            lines: lines(&programs, numbers.as_ref().map(|numbers| &numbers.titles)),
            breakers: programs.iter().flat_map(breakers).collect(),
            behind: behind(&programs),
            programs,
            numbers,
            open_dead_letters,
            trouble,
        };
        screen.judge();
        screen
    }

    pub(super) fn is_well(&self) -> bool {
        self.trouble.is_empty()
    }

    fn judge(&mut self) {
        for program in &self.programs {
            if !program.ready {
                self.trouble
                    .push(format!("{} is not ready: {}", program.name, program.trouble.join(", ")));
            }
        }
        for breaker in &self.breakers {
            self.trouble.push(format!(
                "{} calls {} with a breaker that is {}",
                breaker.program, breaker.name, breaker.state
            ));
        }
        if let Some(numbers) = &self.numbers {
            let counts = &numbers.counts;
            for (count, what) in [
                (counts.sagas_stuck, "sagas are stuck: ticketctl saga list --stuck"),
                (counts.refunds_failed, "refunds have failed: ticketctl refund list"),
                (
                    numbers.outbox.iter().map(|unsent| unsent.parked).sum(),
                    "messages are parked: ticketctl outbox list",
                ),
            ] {
                if count > 0 {
                    self.trouble.push(format!("{count} {what}"));
                }
            }
            for unsent in numbers.outbox.iter().filter(|unsent| unsent.oldest_seconds > 60.0) {
                self.trouble.push(format!(
                    "a message of {} has waited {:.0} s",
                    unsent.producer, unsent.oldest_seconds
                ));
            }
        }
        if let Some(letters @ 1..) = self.open_dead_letters {
            self.trouble
                .push(format!("{letters} dead letters are open: ticketctl dlq list"));
        }
    }
}

fn samples<'a>(programs: &'a [Program], name: &'a str) -> impl Iterator<Item = &'a Sample> {
    programs
        .iter()
        .flat_map(move |program| exposition::of(&program.samples, name))
}

fn lines(programs: &[Program], titles: Option<&HashMap<uuid::Uuid, String>>) -> Vec<Line> {
    // Every replica of the queue service tells of every line.
    let mut told = HashSet::new();
    let mut lines: Vec<Line> = samples(programs, "queue_waiting")
        .filter_map(|sample| {
            let event = sample.label("event").filter(|event| told.insert(*event))?;
            let active = samples(programs, "queue_active").find(|active| active.label("event") == Some(event));
            let title = event.parse().ok().and_then(|id: uuid::Uuid| titles?.get(&id).cloned());
            Some(Line {
                event_id: event.to_owned(),
                title: title.unwrap_or_default(),
                waiting: sample.value,
                active: active.map_or(0.0, |active| active.value),
            })
        })
        .filter(|line| line.waiting + line.active > 0.0)
        .collect();
    lines.sort_by(|one, other| other.waiting.total_cmp(&one.waiting));
    lines
}

fn breakers(program: &Program) -> impl Iterator<Item = Breaker> {
    exposition::of(&program.samples, "circuit_breaker_state").filter_map(|sample| {
        Some(Breaker {
            program: program.name,
            name: sample.label("name")?.to_owned(),
            state: match sample.value {
                0.0 => return None,
                1.0 => "half-open",
                _ => "open",
            },
        })
    })
}

fn behind(programs: &[Program]) -> BTreeMap<String, f64> {
    let mut groups = BTreeMap::new();
    for sample in samples(programs, "consumer_lag") {
        if let Some(group) = sample.label("group")
            && sample.value > 0.0
        {
            *groups.entry(group.to_owned()).or_default() += sample.value;
        }
    }
    groups
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "PROGRAMS")?;
        for program in &self.programs {
            let state = if program.ready { "ready" } else { "NOT READY" };
            writeln!(
                f,
                "  {:<12} {:<28} {state}  {}",
                program.name,
                program.url,
                program.trouble.join(", ")
            )?;
        }
        writeln!(f, "LINES")?;
        if self.lines.is_empty() {
            writeln!(f, "  nobody waits")?;
        }
        for line in &self.lines {
            writeln!(
                f,
                "  {}  {:>6} waiting, {:>5} shopping  {}",
                line.event_id, line.waiting, line.active, line.title
            )?;
        }
        if let Some(numbers) = &self.numbers {
            let counts = &numbers.counts;
            writeln!(f, "BOOKINGS")?;
            writeln!(
                f,
                "  {} pending with {} seats held, {} payments open, {} paid and not yet confirmed, {} refunds on their way",
                counts.reservations_pending,
                counts.seats_held,
                counts.payments_pending,
                counts.sagas_paid,
                counts.refunds_waiting
            )?;
            writeln!(f, "MESSAGES")?;
            for unsent in &numbers.outbox {
                #[expect(clippy::cast_possible_truncation, reason = "roughly how long")]
                let oldest = text::age(unsent.oldest_seconds as i64);
                writeln!(
                    f,
                    "  {}: {} not sent, the oldest for {oldest}",
                    unsent.producer, unsent.waiting
                )?;
            }
        }
        for (group, messages) in &self.behind {
            writeln!(f, "  {group}: {messages} not handled")?;
        }
        if self.is_well() {
            return write!(f, "All is well.");
        }
        write!(f, "NEEDS SOMEBODY")?;
        for trouble in &self.trouble {
            write!(f, "\n  {trouble}")?;
        }
        Ok(())
    }
}
