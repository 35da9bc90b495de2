//! `ticketctl queue set`

use clap::{ArgGroup, Args};
use queue_service::SettingsChange;
use uuid::Uuid;

use super::line::{self, Operator};
use crate::{connection::Database, output::Output};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("settings").required(true).multiple(true).args(["rate", "cap"]))]
pub(crate) struct Set {
    /// The concert's id.
    event: Uuid,
    /// Admissions per second, from 1 to 10000.
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<u32>,
    /// How many may be shopping at once, from 0 to 1000000; 0 lets nobody more in.
    #[arg(long, value_name = "PEOPLE")]
    cap: Option<u32>,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    database: Database,
}

impl Set {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let change = SettingsChange {
            admission_per_second: self.rate,
            max_active: self.cap,
            paused: None,
        };
        let mut connection = self.database.connect().await?;
        let changed = line::change(&mut connection, self.event, &change, &self.operator).await?;
        if !output.json(&changed)? {
            changed.tell();
        }
        Ok(())
    }
}
