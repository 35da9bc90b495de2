//! `ticketctl dlq`: messages that a consumer group could not handle.
//!
//! A dead letter stays in its topic for a week, whatever is done about it. Whether it has taken effect since is told by the
//! inbox of the group that failed: a replay carries the same message id.

mod letter;
mod list;
mod read;
mod replay;
mod show;

use crate::{
    connection::{Broker, Database},
    output::Output,
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl dlq list
  ticketctl dlq list --topic dlq.payment --all
  ticketctl dlq show dlq.payment:12
  ticketctl dlq replay dlq.payment:12 dlq.payment:13
  ticketctl dlq replay --all-of dlq.payment
  ticketctl dlq replay dlq.payment:12 --payload corrected.json

Remove the cause first. Replaying twice does no harm: the group knows what it has handled.")]
pub(crate) enum Dlq {
    /// List the dead letters that have not been handled since.
    List(list::List),
    /// Show one with everything it carries.
    Show(show::Show),
    /// Send some once more to the group that could not handle them, and to no other.
    Replay(replay::Replay),
}

/// How many letters nobody has handled since.
pub(crate) async fn open_letters(broker: &Broker, database: &Database) -> anyhow::Result<usize> {
    let letters = read::letters(&broker.config(), None).await?;
    let handled = read::handled_since(&mut database.connect().await?, &letters).await?;
    Ok(letters
        .iter()
        .filter(|letter| !read::is_handled(letter, &handled))
        .count())
}

impl Dlq {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(output).await,
            Self::Show(command) => command.run(output).await,
            Self::Replay(command) => command.run(output).await,
        }
    }
}
