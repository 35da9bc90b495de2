//! `ticketctl queue pause` and `ticketctl queue resume`

use std::collections::BTreeSet;

use clap::Args;
use queue_service::SettingsChange;
use uuid::Uuid;

use super::line::{self, Operator};
use crate::{connection::Database, output::Output, text};

/// With `--all`, no more lines than anybody has on sale at once.
const ALL: i64 = 100_000;

/// What is made of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admission {
    Paused,
    GoesOn,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The concerts' ids.
    #[arg(required_unless_present = "all")]
    events: Vec<Uuid>,
    /// Every concert whose sale is not over and whose line is not paused yet.
    #[arg(long, conflicts_with = "events")]
    all: bool,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The concerts' ids.
    #[arg(required = true)]
    events: Vec<Uuid>,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    database: Database,
}

impl Pause {
    /// Lines that were paused before stay out of `--all`, so that the command that takes it back leaves them paused.
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let events = if self.all {
            let mut connection = self.database.connect().await?;
            let lines = line::open(&mut connection, ALL).await?;
            let moving = lines.into_iter().filter(|line| !line.paused);
            moving.map(|line| line.event_id).collect()
        } else {
            self.events
        };
        let turned = turn(&events, Admission::Paused, &self.operator, &self.database, output).await?;
        if output == Output::Text && !turned.events.is_empty() {
            let ids: Vec<String> = turned.events.iter().map(Uuid::to_string).collect();
            let operator = text::shell_word(self.operator.name.trim());
            println!(
                "Take it back with: ticketctl queue resume {} --operator {operator}",
                ids.join(" ")
            );
        }
        turned.ended
    }
}

impl Resume {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        turn(&self.events, Admission::GoesOn, &self.operator, &self.database, output)
            .await?
            .ended
    }
}

/// What was done, which stays done when a later line failed.
struct Turned {
    events: Vec<Uuid>,
    ended: anyhow::Result<()>,
}

/// One after the other, each in a transaction of its own; all of them exist before the first is changed. What was changed is told,
/// whether all of them could be or not.
async fn turn(
    events: &[Uuid],
    admission: Admission,
    operator: &Operator,
    database: &Database,
    output: Output,
) -> anyhow::Result<Turned> {
    let mut connection = database.connect().await?;
    let events: BTreeSet<Uuid> = events.iter().copied().collect();
    for event in &events {
        let _exists = line::of(&mut connection, *event).await?;
    }
    let change = SettingsChange {
        paused: Some(admission == Admission::Paused),
        ..SettingsChange::default()
    };
    let mut all = Vec::new();
    let mut ended = Ok(());
    for event in events {
        match line::change(&mut connection, event, &change, operator).await {
            Ok(changed) => {
                if output == Output::Text {
                    changed.tell();
                }
                all.push(changed);
            }
            Err(error) => {
                ended = Err(error.context(format!("the line of {event} stays as it was")));
                break;
            }
        }
    }
    if !output.json(&all)? {
        let what = match admission {
            Admission::Paused => "are paused",
            Admission::GoesOn => "go on",
        };
        println!("{} lines {what}.", all.len());
    }
    Ok(Turned {
        events: all.iter().map(|changed| changed.event_id).collect(),
        ended,
    })
}
