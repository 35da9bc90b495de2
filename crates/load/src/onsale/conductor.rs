//! Opens the sale, lets the buyers come, watches, and ends it.

use super::{
    books,
    plan::Mix,
    sale::{Counters, Ending, Fates, Sale},
    verdict::{Findings, Moment, Verdict},
    waiter::Buyer,
};
use crate::{
    accounts::{self, Account},
    client::Call,
    fairness::{self, Count},
    watch::Watch,
    world::{Concert, World},
};
use anyhow::Context;
use common::{Clock, config::Env};
use serde::Deserialize;
use serde_json::Value;
use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};
use ticketctl::audit::Auditor;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How many buyers take the public way to their account.
const WALK_INS: usize = 3;
/// How long after the last purchase the books may take to rest.
const REST: Duration = Duration::from_secs(120);
const SETTLE: Duration = Duration::from_secs(10);
/// How many streams there are at most: each is a connection here, at the gateway and behind it.
const MOST_STREAMS: usize = 2000;
/// How long everybody may take to go home before they are left behind.
const GOING_HOME: Duration = Duration::from_secs(120);

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

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    SoldOut,
    /// Everybody who wanted something has it.
    Served,
    TimeUp,
    Interrupted,
}

impl End {
    fn words(self) -> &'static str {
        match self {
            Self::SoldOut => "sold out",
            Self::Served => "every buyer was served",
            Self::TimeUp => "the time was up",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Runs the whole of it. Whether everything held; the reports are written either way.
///
/// # Errors
/// When the system is not there, or cannot be prepared or asked.
pub async fn run(env: &Env, options: Options) -> anyhow::Result<bool> {
    let world = World::open(&options.state, options.connections)?;
    let watch = Watch::begin(&world.state().pids);
    let rate = setting(env, "ADMISSION_PER_SECOND", 10.0)?;
    let burst = rate * setting(env, "ADMISSION_BURST_SECONDS", 2.0)?;
    let claim = Duration::from_secs_f64(setting(env, "ADMISSION_CLAIM_SECONDS", 60.0)?);
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
    let sale = Arc::new(Sale {
        event: concert.id,
        seats_path: format!("/reservations/seats/{}", concert.id),
        status_path: format!("/queue/status?eventId={}", concert.id),
        mix: Mix {
            seed: options.seed,
            entry: options.entry,
            stream_percent: options.stream_percent,
            most_streams: MOST_STREAMS * 100 / usize::try_from(options.stream_percent.max(1))?,
        },
        opens: Instant::now() + Duration::from_secs(1),
        sold_out: CancellationToken::new(),
        stop: CancellationToken::new(),
        counters: Counters::default(),
        crowd: options.buyers,
        ledger: Mutex::default(),
        world,
    });
    let mut evening = Evening {
        sale: Arc::clone(&sale),
        admin,
        concert,
        limit: options.limit,
        watch,
        moments: Vec::new(),
        counts: Vec::new(),
        last: (0.0, 0),
    };
    let (end, endings) = evening.pass(accounts).await;
    println!(
        "\n{} after {:.1} s; looking at the books …",
        end.words(),
        sale.opens.elapsed().as_secs_f64()
    );

    let (mut fates, mut places) = (Fates::new(), Vec::new());
    for Ending { fate, place } in endings {
        *fates.entry(fate).or_default() += 1;
        places.extend(place);
    }
    let replicas = sale.world.state().pids.contains_key("queue-2");
    let fairness = fairness::judge(&places, claim, !replicas);
    let excess = fairness::excess(&evening.counts, rate, burst);
    let seconds = sale.opens.elapsed().as_secs_f64();
    let audit = audit(&sale).await?;
    let map = evening.map().await.context("the seat map cannot be read")?;
    let (told, cancelled, violations) = {
        let mut ledger = sale.ledger();
        (
            std::mem::take(&mut ledger.bookings),
            std::mem::take(&mut ledger.cancelled),
            std::mem::take(&mut ledger.violations),
        )
    };
    let database = &sale.world.state().postgres;
    let seats = books::compare(database, sale.event, options.seats, map.sold, &told, &cancelled).await?;
    let finished = matches!(end, End::SoldOut | End::Served);
    let verdict = Verdict::of(Findings {
        buyers: options.buyers,
        seed: options.seed,
        entry_seconds: options.entry.as_secs_f64(),
        ended: end.words(),
        finished,
        seconds,
        rate,
        burst,
        settings: sale.world.state().settings.clone(),
        fates,
        fairness,
        excess,
        moments: evening.moments,
        seats,
        audit,
        violations,
        endpoints: sale.world.recorder().figures(),
        simulators: sale.world.simulators().recorder().figures(),
        usage: evening.watch.usage(),
    });
    let pages = verdict.write(&options.reports)?;
    println!("{}", verdict.summary());
    println!("report: {}", pages.display());
    Ok(verdict.holds())
}

fn setting(env: &Env, variable: &str, default: f64) -> anyhow::Result<f64> {
    Ok(env.parse_or(variable, default)?)
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

/// The invariants, asked when nothing moves any more.
async fn audit(sale: &Sale) -> anyhow::Result<Value> {
    let state = sale.world.state();
    let ledger = format!("{}/control/portone/ledger", state.simulators);
    let auditor = Auditor::new(&state.postgres, Some(ledger)).grace(Duration::from_secs(30));
    Ok(serde_json::to_value(auditor.audit(REST, SETTLE).await?)?)
}

/// The run while it lasts.
struct Evening {
    sale: Arc<Sale>,
    admin: String,
    concert: Concert,
    limit: Duration,
    watch: Watch,
    moments: Vec<Moment>,
    counts: Vec<Count>,
    /// When the last line was shown, and how many requests there had been.
    last: (f64, u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    waiting: u64,
    active: u64,
    admitted: u64,
}

/// The seats by what the map shows.
#[derive(Clone, Copy, Debug, Default)]
struct Map {
    available: usize,
    held: usize,
    sold: usize,
}

impl Evening {
    /// Lets everybody come and waits for the end. Gives what became of each.
    async fn pass(&mut self, accounts: Vec<Account>) -> (End, Vec<Ending>) {
        let sale = Arc::clone(&self.sale);
        let mut crowd = JoinSet::new();
        for (number, account) in accounts.into_iter().enumerate() {
            crowd.spawn(Buyer::new(Arc::clone(&sale), number, account).live());
        }
        let endings: Mutex<Vec<Ending>> = Mutex::default();
        let everybody = async {
            while let Some(ending) = crowd.join_next().await {
                // A buyer who panicked is missing, and so counted as such.
                if let Ok(ending) = ending {
                    endings.lock().unwrap_or_else(PoisonError::into_inner).push(ending);
                }
            }
        };
        tokio::pin!(everybody);
        let end = {
            let interrupted = tokio::signal::ctrl_c();
            tokio::select! {
                () = &mut everybody => End::Served,
                end = self.watch_until_sold_out() => end,
                _ = interrupted => End::Interrupted,
            }
        };
        match end {
            End::SoldOut => sale.sold_out.cancel(),
            End::Served => {}
            End::TimeUp | End::Interrupted => sale.stop.cancel(),
        }
        let home = Instant::now() + GOING_HOME;
        loop {
            tokio::select! {
                () = &mut everybody => break,
                () = self.second() => {}
                () = sleep_until(home) => sale.stop.cancel(),
            }
        }
        self.moment().await;
        let endings = std::mem::take(&mut *endings.lock().unwrap_or_else(PoisonError::into_inner));
        (end, endings)
    }

    /// Looks and shows once a second, until every seat is sold and nobody is about to give one back.
    async fn watch_until_sold_out(&mut self) -> End {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let _ = seconds.tick().await;
            self.moment().await;
            if self.sale.opens.elapsed() > self.limit {
                return End::TimeUp;
            }
            let busy = self.sale.counters.busy.load(Ordering::Relaxed);
            let all_came = self.sale.opens.elapsed() > self.sale.mix.entry;
            let all_sold = self
                .moments
                .last()
                .is_some_and(|moment| moment.sold == self.concert.seats);
            // Who is busy now may still cancel; who is not can only be admitted if there is something to be had.
            if all_sold && busy == 0 && all_came {
                return End::SoldOut;
            }
        }
    }

    async fn second(&mut self) {
        self.moment().await;
        sleep(Duration::from_secs(1)).await;
    }

    /// Notes and shows how it stands.
    async fn moment(&mut self) {
        self.watch.look();
        let at = |instant: Instant| instant.saturating_duration_since(self.sale.opens).as_secs_f64();
        let asked = at(Instant::now());
        let stats = self.stats().await;
        let answered = at(Instant::now());
        if let Some(stats) = &stats {
            self.counts.push(Count {
                asked,
                answered,
                admitted: stats.admitted,
            });
        }
        let map = self.map().await.unwrap_or_default();
        let (recorder, counters) = (self.sale.world.recorder(), &self.sale.counters);
        let requests = recorder.requests();
        let (before, requests_before) = self.last;
        // Two looks before the opening are no time apart.
        let span = (answered - before).max(1.0);
        self.last = (answered, requests);
        let moment = Moment {
            at: answered,
            entered: counters.entered.load(Ordering::Relaxed),
            waiting: stats.as_ref().map_or(0, |stats| stats.waiting),
            active: stats.as_ref().map_or(0, |stats| stats.active),
            admitted: stats.as_ref().map_or(0, |stats| stats.admitted),
            holding: counters.holding.load(Ordering::Relaxed),
            paid: counters.paid.load(Ordering::Relaxed),
            confirmed: counters.confirmed.load(Ordering::Relaxed),
            available: map.available,
            held: map.held,
            sold: map.sold,
            requests_per_second: u32::try_from(requests - requests_before).map_or(0.0, f64::from) / span,
            failures: recorder.failures(),
        };
        show(&moment, counters.ended.load(Ordering::Relaxed));
        self.moments.push(moment);
    }

    async fn stats(&self) -> Option<Stats> {
        let path = format!("/queue/admin/stats?eventId={}", self.concert.id);
        let call = Call::new("GET /queue/admin/stats", &path).bearer(&self.admin);
        self.sale.world.office().send(call).await.ok()?.parse()
    }

    async fn map(&self) -> Option<Map> {
        let call = Call::new("GET /reservations/seats/{id}", &self.sale.seats_path).bearer(&self.admin);
        let reply = self.sale.world.office().send(call).await.ok()?.json();
        let mut map = Map::default();
        for seat in reply["seats"].as_array()? {
            match seat["status"].as_str() {
                Some("AVAILABLE") => map.available += 1,
                Some("HOLD") => map.held += 1,
                Some("SOLD") => map.sold += 1,
                _ => return None,
            }
        }
        Some(map)
    }
}

/// One line that stays on a terminal, and a line every ten seconds elsewhere.
fn show(moment: &Moment, ended: u64) {
    let line = format!(
        "{:4.0} s  entered {}  waiting {}  admitted {}  holding {}  paid {}  confirmed {}  sold {}  home {ended}  {:.0} requests/s  errors {}",
        moment.at,
        moment.entered,
        moment.waiting,
        moment.admitted,
        moment.holding,
        moment.paid,
        moment.confirmed,
        moment.sold,
        moment.requests_per_second,
        moment.failures,
    );
    let mut out = std::io::stdout();
    // A screen that is gone is no reason to stop.
    let _ = if out.is_terminal() {
        write!(out, "\r\x1b[2K{line}")
    } else if moment.at % 10.0 < 1.0 {
        writeln!(out, "{line}")
    } else {
        Ok(())
    };
    let _ = out.flush();
}
