//! `ticketctl queue list`

use clap::Args;
use serde::Serialize;

use super::{
    crowd::{self, Crowd, QueueService},
    line::{self, Line},
};
use crate::{connection::Database, output::Output};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// No more than these.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    service: QueueService,
    #[command(flatten)]
    database: Database,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    line: &'a Line,
    /// Null where the queue service could not be asked.
    crowd: Option<Crowd>,
}

impl List {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let lines = line::open(&mut connection, self.limit.into()).await?;
        let crowds = self.service.crowds().await;
        let shown: Vec<Shown<'_>> = lines
            .iter()
            .map(|line| Shown {
                line,
                crowd: crowds.of(line.event_id),
            })
            .collect();
        if output.json(&shown)? {
            return Ok(());
        }
        for Shown { line, crowd } in &shown {
            println!(
                "{}  {}  {}  {}, {}",
                line.event_id,
                crowd::words(*crowd),
                line.settings(),
                line.title,
                line::sale(line)
            );
        }
        println!("{} concerts.", shown.len());
        Ok(())
    }
}
