//! `cargo xtask demo`: a buyer's whole journey through the gateway, told as it happens, and then audited.

mod audit;
mod buyers;
mod client;
mod journey;
mod other_buyer;
mod sale;
mod story;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use self::client::Client;
use self::story::Story;
use crate::infra;
use crate::ports::Ports;
use crate::services::{self, Environment, Tenancy, Ticketctl, Wanted};
use crate::state::State;
use crate::workspace::Workspace;

/// The variable that says how long a hold lasts.
const HOLD_TTL: &str = "HOLD_TTL_SECONDS";
/// Long enough to pay in, short enough to be watched while it ends.
const SHORT_HOLD: Duration = Duration::from_secs(8);
/// A running system with longer holds than this is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How the demo shall run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Leave the system running.
    pub(crate) keep: bool,
    /// Optimised binaries, unless a system runs already.
    pub(crate) release: bool,
}

/// Brings the system up, tells the story, audits the books. The exit code says whether everything held.
pub(crate) async fn run(workspace: &Workspace, ports: &Ports, options: &Options) -> Result<ExitCode> {
    let began = Instant::now();
    let _lock = workspace.lock()?;
    let infra = infra::up(workspace, ports).await?;

    // A system somebody works with keeps its settings; one that is started for the demo gets short holds.
    let running = services::running(workspace);
    let wanted = match &running {
        Some(running) => running.clone(),
        None => {
            let hold = (HOLD_TTL.to_owned(), SHORT_HOLD.as_secs().to_string());
            Wanted {
                release: options.release,
                env: BTreeMap::from([hold]),
                ..Wanted::default()
            }
        }
    };
    let state = match services::up(workspace, ports, &infra, &wanted).await {
        Ok(state) => state,
        Err(error) => {
            if running.is_none() {
                services::stop(workspace)?;
            }
            return Err(error);
        }
    };
    let binaries = workspace.binaries(wanted.release)?;
    let tenancy = Tenancy::claim(workspace, &infra).await?;
    let ticketctl = Ticketctl::new(
        &binaries,
        &Environment::new(workspace, ports, &infra, &tenancy, &wanted),
    );
    say!("up after {:.1} s\n", began.elapsed().as_secs_f64());

    let outcome = tell(&state, &ticketctl, hold_to_wait_for(&wanted)).await;
    let holds = match &outcome {
        Ok(()) => true,
        Err(error) => {
            say!("\n  failed: {error:#}");
            false
        }
    };
    say!("\n{}, after {:.1} s.", verdict(holds), began.elapsed().as_secs_f64());
    leave(workspace, ports, options, running.is_some(), &wanted, &state).await?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(holds: bool) -> &'static str {
    if holds {
        "VERDICT: everything held"
    } else {
        "VERDICT: something did not hold"
    }
}

async fn tell(state: &State, ticketctl: &Ticketctl, hold: Option<Duration>) -> Result<()> {
    let gateway = Client::new(&state.gateway)?;
    let simulators = Client::new(&state.simulators)?;
    let mut story = Story::default();

    let concert = sale::open(&mut story, &gateway, &state.admin).await?;
    let people = buyers::register(&mut story, &gateway, &simulators).await?;
    let from_login = Instant::now();
    let buyers = buyers::enter(&mut story, &gateway, &concert, people).await?;
    let (first, second) = journey::race(&mut story, &concert, buyers).await?;
    let bought = journey::buy(&story, &simulators, &concert, &first).await?;
    story.remark(&format!(
        "from login to SOLD: {:.2} s",
        from_login.elapsed().as_secs_f64()
    ));
    let others = other_buyer::tell(&mut story, &simulators, &concert, &second, hold).await?;
    audit::tell(
        &mut story,
        &simulators,
        ticketctl,
        &[&[bought], others.as_slice()].concat(),
    )
    .await
}

/// How long holds last in the system the story is told in, if that can be waited for.
fn hold_to_wait_for(wanted: &Wanted) -> Option<Duration> {
    let seconds = wanted.env.get(HOLD_TTL)?.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|hold| *hold <= LONGEST_WAIT)
}

/// Leaves the machine as it was found, or as `--keep` asks.
async fn leave(
    workspace: &Workspace,
    ports: &Ports,
    options: &Options,
    ran_before: bool,
    wanted: &Wanted,
    state: &State,
) -> Result<()> {
    if ran_before {
        say!("The system runs on as it did before.");
    } else if options.keep {
        // The short holds were for the story; whoever looks around now wants the usual ones.
        let usual = Wanted {
            release: wanted.release,
            ..Wanted::default()
        };
        let infra = infra::Infra::addresses(ports);
        services::up(workspace, ports, &infra, &usual).await?;
        say!("The system runs on, with the usual settings:");
        say!("  gateway     {}", state.gateway);
        say!("  API         {}/docs", state.gateway);
        say!("  simulators  {}", state.simulators);
        say!("  admin       {} {}", state.admin.email, state.admin.password);
        say!("  all of it   {}", workspace.dev().join("state.json").display());
        say!("`cargo xtask status` shows it, `cargo xtask logs` tells what it does, `cargo xtask down` stops it.");
    } else {
        services::stop(workspace)?;
        say!("Services stopped; PostgreSQL, Redis and Kafka run on until `cargo xtask down`.");
    }
    Ok(())
}
