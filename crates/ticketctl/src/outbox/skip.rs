//! `ticketctl outbox skip`

use anyhow::ensure;
use clap::Args;
use uuid::Uuid;

use crate::{connection::Database, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Skip {
    /// The messages' ids.
    #[arg(required = true)]
    ids: Vec<Uuid>,
    #[command(flatten)]
    database: Database,
}

impl Skip {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        // `parked_at` and the error stay, so that it can be told from one that was sent.
        let changed = sqlx::query(
            r#"
                update common.outbox_events
                set published = true,
                    published_at = clock_timestamp(),
                    last_error = 'skipped by an operator: ' || coalesce(last_error, '')
                where id = any($1) and parked_at is not null and not published
            "#,
        )
        .bind(&self.ids)
        .execute(&mut connection)
        .await?
        .rows_affected();
        if !output.json(&serde_json::json!({ "skipped": changed }))? {
            println!("{changed} messages were given up.");
        }
        ensure!(changed == self.ids.len() as u64, "the others are not parked");
        Ok(())
    }
}
