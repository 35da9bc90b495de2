//! `ticketctl outbox retry`

use anyhow::ensure;
use clap::Args;
use uuid::Uuid;

use crate::{connection::Database, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The messages' ids.
    #[arg(required = true)]
    ids: Vec<Uuid>,
    #[command(flatten)]
    database: Database,
}

impl Retry {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let changed = sqlx::query(
            r#"
                update common.outbox_events
                set parked_at = null, retry_count = 0
                where id = any($1) and parked_at is not null and not published
            "#,
        )
        .bind(&self.ids)
        .execute(&mut connection)
        .await?
        .rows_affected();
        if !output.json(&serde_json::json!({ "retried": changed }))? {
            println!("{changed} messages will be tried again within a second.");
        }
        ensure!(changed == self.ids.len() as u64, "the others are not parked");
        Ok(())
    }
}
