//! The run while it lasts: everybody comes, somebody looks once a second, and it ends.

use super::{office::Office, screen::show};
use crate::{
    accounts::Account,
    fairness::Count,
    onsale::{
        sale::{Ending, Sale},
        verdict::Moment,
        waiter::Buyer,
    },
    watch::Watch,
};
use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

/// How long everybody may take to go home before they are left behind.
const GOING_HOME: Duration = Duration::from_secs(120);

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    SoldOut,
    /// Everybody who wanted something has it.
    Served,
    TimeUp,
    Interrupted,
}

impl End {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::SoldOut => "sold out",
            Self::Served => "every buyer was served",
            Self::TimeUp => "the time was up",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What is known when all are home.
pub(super) struct Passed {
    pub(super) end: End,
    /// What became of each.
    pub(super) endings: Vec<Ending>,
    /// How it stood, second by second.
    pub(super) moments: Vec<Moment>,
    /// How many had been admitted, for the rate.
    pub(super) counts: Vec<Count>,
    pub(super) watch: Watch,
}

/// The run while it lasts.
pub(super) struct Evening<'a> {
    office: &'a Office,
    sale: &'a Arc<Sale>,
    seats: usize,
    limit: Duration,
    watch: Watch,
    moments: Vec<Moment>,
    counts: Vec<Count>,
    /// When the last line was shown, and how many requests there had been.
    last: (f64, u64),
}

impl<'a> Evening<'a> {
    pub(super) fn new(office: &'a Office, seats: usize, limit: Duration, watch: Watch) -> Self {
        Self {
            office,
            sale: &office.sale,
            seats,
            limit,
            watch,
            moments: Vec::new(),
            counts: Vec::new(),
            last: (0.0, 0),
        }
    }

    /// Lets everybody come and waits for the end.
    pub(super) async fn pass(mut self, accounts: Vec<Account>) -> Passed {
        let sale = self.sale;
        let mut crowd = JoinSet::new();
        for (number, account) in accounts.into_iter().enumerate() {
            crowd.spawn(Buyer::new(Arc::clone(sale), number, account).live());
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
        Passed {
            end,
            endings,
            moments: self.moments,
            counts: self.counts,
            watch: self.watch,
        }
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
            let all_sold = self.moments.last().is_some_and(|moment| moment.sold == self.seats);
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
        let stats = self.office.stats().await;
        let answered = at(Instant::now());
        if let Some(stats) = &stats {
            self.counts.push(Count {
                asked,
                answered,
                admitted: stats.admitted,
            });
        }
        let stats = stats.unwrap_or_default();
        let map = self.office.map().await.unwrap_or_default();
        let (recorder, counters) = (self.sale.world.recorder(), &self.sale.counters);
        let requests = recorder.requests();
        let (before, requests_before) = self.last;
        // Two looks before the opening are no time apart.
        let span = (answered - before).max(1.0);
        self.last = (answered, requests);
        let moment = Moment {
            at: answered,
            entered: counters.entered.load(Ordering::Relaxed),
            waiting: stats.waiting,
            active: stats.active,
            admitted: stats.admitted,
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
}
