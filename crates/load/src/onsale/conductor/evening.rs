//! The run while it lasts: everybody comes, somebody looks once a second, and it ends.

use super::{
    office::{Map, Office, Stats},
    screen::Screen,
};
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
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

/// How long after the last sale somebody may still wait: half a minute until the next poll, which leads to the concert's page,
/// twelve seconds of lingering, and as much again and more on a machine that is busy with all the others.
const GOING_HOME: Duration = Duration::from_secs(120);

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The hall is full, and all went home by themselves.
    SoldOut,
    /// All went home by themselves, and seats are left.
    Served,
    /// The hall is full, and some have not noticed.
    Lingering,
    TimeUp,
    Interrupted,
}

impl End {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::SoldOut => "sold out and everybody at home",
            Self::Served => "every buyer was served",
            Self::Lingering => "sold out, and some waited on for nothing",
            Self::TimeUp => "the time was up",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What is known when all are home.
pub(super) struct Passed {
    pub(super) end: End,
    /// When the last seat was sold, in seconds from the opening.
    pub(super) sold_out_at: Option<f64>,
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
    /// When it was looked at last, and how many requests there had been.
    last: (f64, u64),
    /// As they were told last: who cannot be asked for a moment does not make a line of thousands empty.
    stats: Stats,
    map: Map,
    screen: Screen,
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
            stats: Stats::default(),
            map: Map::default(),
            screen: Screen::default(),
        }
    }

    /// Lets everybody come and waits until they have gone.
    pub(super) async fn pass(mut self, accounts: Vec<Account>) -> Passed {
        let sale = self.sale;
        let limit = sale.opens + self.limit;
        let mut crowd = JoinSet::new();
        for (number, account) in accounts.into_iter().enumerate() {
            crowd.spawn(Buyer::new(Arc::clone(sale), number, account).live());
        }
        let everybody = async {
            let mut endings: Vec<Ending> = Vec::new();
            while let Some(ending) = crowd.join_next().await {
                // A buyer who panicked is missing, and so counted as such.
                endings.extend(ending);
            }
            endings
        };
        tokio::pin!(everybody);
        let (end, endings) = tokio::select! {
            endings = &mut everybody => (End::Served, Some(endings)),
            () = self.watch() => (End::Lingering, None),
            () = sleep_until(limit) => (End::TimeUp, None),
            _ = tokio::signal::ctrl_c() => (End::Interrupted, None),
        };
        let endings = match endings {
            Some(endings) => endings,
            None => {
                sale.stop.cancel();
                everybody.await
            }
        };
        self.moment().await;
        let sold_out_at = sold_out_at(&self.moments, self.seats);
        Passed {
            end: match end {
                End::Served if sold_out_at.is_some() => End::SoldOut,
                end => end,
            },
            sold_out_at,
            endings,
            moments: self.moments,
            counts: self.counts,
            watch: self.watch,
        }
    }

    /// Looks and shows once a second. Returns only if every seat is sold, nobody is about to give one back, and still not
    /// everybody has gone home after a long time.
    async fn watch(&mut self) {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut over_since = None;
        loop {
            let _ = seconds.tick().await;
            self.moment().await;
            let busy = self.sale.counters.busy.load(Ordering::Relaxed);
            let all_came = self.sale.opens.elapsed() > self.sale.mix.entry;
            // Who is busy now may still cancel; who is not can only be admitted if there is something to be had.
            if self.map.sold < self.seats || busy > 0 || !all_came {
                over_since = None;
            } else if over_since.get_or_insert_with(Instant::now).elapsed() > GOING_HOME {
                return;
            }
        }
    }

    /// Notes and shows how it stands.
    async fn moment(&mut self) {
        self.watch.look();
        let at = |instant: Instant| instant.saturating_duration_since(self.sale.opens).as_secs_f64();
        let asked = at(Instant::now());
        let stats = self.office.stats().await;
        let answered = at(Instant::now());
        if let Some(stats) = stats {
            self.counts.push(Count {
                asked,
                answered,
                admitted: stats.admitted,
            });
            self.stats = stats;
        }
        if let Some(map) = self.office.map().await {
            self.map = map;
        }
        let (stats, map) = (self.stats, self.map);
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
        self.screen.show(&moment, counters.ended.load(Ordering::Relaxed));
        self.moments.push(moment);
    }
}

/// From when on the hall was full and stayed so.
fn sold_out_at(moments: &[Moment], seats: usize) -> Option<f64> {
    let full = moments.iter().rev().take_while(|moment| moment.sold == seats);
    full.last().map(|moment| moment.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hall_is_sold_out_from_when_on_no_seat_comes_back() {
        let evening = |sold: &[usize]| -> Vec<Moment> {
            let at = (0_u8..).map(f64::from);
            let moments = at.zip(sold).map(|(at, sold)| Moment {
                at,
                sold: *sold,
                ..Moment::default()
            });
            moments.collect()
        };
        assert_eq!(sold_out_at(&evening(&[0, 40, 60, 58, 60, 60]), 60), Some(4.0));
        assert_eq!(sold_out_at(&evening(&[0, 60, 59]), 60), None);
        assert_eq!(sold_out_at(&[], 60), None);
    }
}
