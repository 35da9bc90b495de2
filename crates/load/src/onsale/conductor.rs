//! Opens the sale, lets the evening pass, and has it judged.
//!
//! | module | what |
//! |---|---|
//! | `evening` | the run while it lasts: everybody comes, somebody watches, and it ends |
//! | `latecomers` | some come back afterwards |
//! | `office` | how it stands, as an administrator sees it |
//! | `screen` | how it stands, for people |
//! | `judging` | everything that is asked when all is over |

mod evening;
mod judging;
mod latecomers;
mod office;
mod screen;

use self::{
    evening::{End, Evening},
    office::Office,
};
use super::{
    plan::Mix,
    sale::{Counters, Sale},
};
use crate::{
    accounts::{self, Account},
    watch::Watch,
    world::{Concert, World},
};
use anyhow::bail;
use common::{Clock, config::Env};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many buyers take the public way to their account.
const WALK_INS: usize = 3;
/// How many streams there are at most: each is a connection here, at the gateway and behind it.
const MOST_STREAMS: usize = 2000;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The state file of the running system.
    pub state: PathBuf,
    /// Where the reports go.
    pub reports: PathBuf,
    /// How many come.
    pub buyers: usize,
    /// How many seats there are.
    pub seats: usize,
    /// Decides the mix.
    pub seed: u64,
    /// Within what time all come.
    pub entry: Duration,
    /// How long it may take at most.
    pub limit: Duration,
    /// Of a hundred buyers, how many read the stream.
    pub stream_percent: u32,
    /// Connections that the others share.
    pub connections: usize,
}

/// What the queue is set to, and so held to.
struct Admission {
    /// Buyers a second.
    rate: f64,
    /// How many at once after a pause.
    burst: f64,
    /// How long an admission may stay unclaimed.
    claim: Duration,
}

impl Admission {
    fn from_env(env: &Env) -> anyhow::Result<Self> {
        let rate = env.parse_or("ADMISSION_PER_SECOND", 10.0)?;
        Ok(Self {
            rate,
            burst: rate * env.parse_or("ADMISSION_BURST_SECONDS", 2.0)?,
            claim: Duration::from_secs_f64(env.parse_or("ADMISSION_CLAIM_SECONDS", 60.0)?),
        })
    }
}

/// Runs the whole of it. Whether everything held; the reports are written either way.
///
/// # Errors
/// When the system is not there, or cannot be prepared or asked.
pub async fn run(env: &Env, options: Options) -> anyhow::Result<bool> {
    let world = World::open(&options.state, options.connections)?;
    let watch = Watch::begin(&world.state().pids);
    let admission = Admission::from_env(env)?;
    let began = Instant::now();
    let accounts = accounts(env, &world, options.buyers).await?;
    println!(
        "{} buyers have accounts after {:.1} s",
        accounts.len(),
        began.elapsed().as_secs_f64()
    );
    let admin = world.log_in_admin().await?;
    let concert = world.announce(&admin, options.seats, Clock::system().now()).await?;
    println!("event {} with {} seats is on sale", concert.id, concert.seats);
    let sale = Arc::new(sale(world, &concert, &options)?);
    let office = Office::new(Arc::clone(&sale), admin);
    let mut passed = Evening::new(&office, concert.seats, options.limit, watch)
        .pass(accounts)
        .await;
    let seconds = sale.opens.elapsed().as_secs_f64();
    println!("\n{} after {seconds:.1} s; looking at the books …", passed.end.words());
    let latecomers: Vec<Account> = passed
        .endings
        .iter_mut()
        .filter_map(|ending| ending.comes_back.take())
        .collect();
    if passed.end == End::SoldOut {
        latecomers::come(&sale, latecomers).await;
    }
    let verdict = tokio::select! {
        verdict = judging::judge(&options, &admission, &office, passed, seconds) => verdict?,
        // Who has not yet heard the first Ctrl-C presses it again.
        _ = tokio::signal::ctrl_c() => bail!("interrupted before it was judged"),
    };
    let pages = verdict.write(&options.reports)?;
    println!("{}", verdict.summary());
    println!("report: {}", pages.display());
    Ok(verdict.holds())
}

async fn accounts(env: &Env, world: &World, count: usize) -> anyhow::Result<Vec<Account>> {
    let mut walk_ins = Vec::new();
    for _ in 0..WALK_INS.min(count) {
        walk_ins.push(accounts::register(world).await?);
    }
    let mut all = accounts::seed(env, "onsale", count - walk_ins.len()).await?;
    all.append(&mut walk_ins);
    Ok(all)
}

/// A sale that opens in a second.
fn sale(world: World, concert: &Concert, options: &Options) -> anyhow::Result<Sale> {
    Ok(Sale {
        event: concert.id,
        event_path: format!("/events/{}", concert.id),
        seats_path: format!("/reservations/seats/{}", concert.id),
        status_path: format!("/queue/status?eventId={}", concert.id),
        mix: Mix {
            seed: options.seed,
            entry: options.entry,
            stream_percent: options.stream_percent,
            most_streams: MOST_STREAMS * 100 / usize::try_from(options.stream_percent.max(1))?,
        },
        opens: Instant::now() + Duration::from_secs(1),
        stop: CancellationToken::new(),
        counters: Counters::default(),
        ledger: Mutex::default(),
        world,
    })
}
