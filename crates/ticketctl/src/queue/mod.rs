//! `ticketctl queue`: how fast lines move, while they do. The settings are changed by the queue service's own code, as
//! `PUT /queue/admin/events/{eventId}` changes them, and audited under the operator's name; every replica follows within a second.

mod crowd;
mod line;
mod list;
mod pause;
mod set;
mod show;

use clap::Subcommand;

use crate::output::Output;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl queue list
  ticketctl queue show 019ab000-0000-7000-8000-000000000001
  ticketctl queue set 019ab000-0000-7000-8000-000000000001 --rate 25 --operator kim
  ticketctl queue set 019ab000-0000-7000-8000-000000000001 --cap 0 --operator kim
  ticketctl queue pause --all --operator kim
  ticketctl queue resume 019ab000-0000-7000-8000-000000000001 --operator kim

The rate decides how many people use everything behind the queue, so it is the first thing to lower when something is slow. A
paused line keeps everybody's place; who is admitted already goes on. TICKETCTL_OPERATOR spares --operator.")]
pub(crate) enum Queue {
    /// The lines of concerts whose sale is not over, those on sale first: who waits, and what is set.
    List(list::List),
    /// One line: who waits, what is set, and who set what.
    Show(show::Show),
    /// Change how fast a line moves; what is not named stays. Takes effect within a second.
    Set(set::Set),
    /// Admit nobody until `resume`. Nobody loses a place.
    Pause(pause::Pause),
    /// Admit again, in order, at the rate that is set.
    Resume(pause::Resume),
}

impl Queue {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(output).await,
            Self::Show(command) => command.run(output).await,
            Self::Set(command) => command.run(output).await,
            Self::Pause(command) => command.run(output).await,
            Self::Resume(command) => command.run(output).await,
        }
    }
}
