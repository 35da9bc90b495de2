use super::{Bench, Standing, Tick, TickOutcome, pause, settings};
use crate::waiting_line::AbsenceReason;
use futures_util::future::join_all;
use uuid::Uuid;

/// For tests in which somebody is heard in time: between a poll and the tick after it the machine may do something else.
const GRACE: (&str, &str) = ("QUEUE_GRACE_SECONDS", "3");
/// Milliseconds. Silence is counted in whole seconds.
const LONGER_THAN_GRACE: u64 = 4100;

impl Bench {
    /// A tick with which a window of time ends in which so many polled.
    async fn tick_after(&self, beats: i64, order: Tick<'_>) -> TickOutcome {
        let now = self.line.now().await.unwrap().timestamp_micros();
        self.set_control("beats", beats).await;
        self.set_control("beats_at", now - 60_000_000).await;
        self.tick(order).await
    }

    /// Ticks until somebody is inside.
    async fn tick_until_admitted(&self, order: Tick<'_>) {
        while self.tick(order).await.active == 0 {
            pause(5).await;
        }
    }

    /// The time to claim an admission is over for everybody.
    pub(super) async fn end_offers(&self, users: &[Uuid]) {
        for user in users {
            redis::cmd("ZADD")
                .arg(&super::keys::line(self.event)[3])
                .arg("XX")
                .arg(0)
                .arg(user.to_string())
                .exec_async(&mut self.line.connection())
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn who_fell_silent_is_passed_over_and_who_kept_polling_is_admitted() {
    let bench = Bench::new(&[GRACE]).await;
    let users = bench.enter_all(3).await;
    pause(LONGER_THAN_GRACE).await;
    bench.poll(users[1]).await;
    let outcome = bench
        .tick(Tick {
            settings: settings(100, 1),
            ..bench.tick_order()
        })
        .await;
    assert_eq!((outcome.admitted, outcome.evicted, outcome.waiting), (1, 2, 0));
    bench.grant(users[1]).await;
    for silent in [users[0], users[2]] {
        assert_eq!(bench.poll(silent).await, Standing::Absent(Some(AbsenceReason::Evicted)));
    }
}

#[tokio::test]
async fn a_tick_evicts_a_bounded_number() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1"), ("QUEUE_EVICTIONS_PER_TICK", "3")]).await;
    bench.enter_all(7).await;
    pause(2100).await;
    let evicted = [
        bench.tick(bench.tick_order()).await.evicted,
        bench.tick(bench.tick_order()).await.evicted,
    ];
    assert_eq!(evicted, [3, 3]);
    let outcome = bench.tick(bench.tick_order()).await;
    assert_eq!((outcome.evicted, outcome.admitted), (1, 0));
}

#[tokio::test]
async fn heartbeats_survive_hundreds_of_neighbours() {
    let bench = Bench::new(&[GRACE]).await;
    // Scores close together share a field of the heartbeat hash, and so do those 512 * 16,384 further on.
    bench.set_control("last", 3_000_000_000_000_000).await;
    let users = bench.enter_all(50).await;
    bench.set_control("last", 3_000_000_000_000_000 + 512 * 16_384).await;
    let behind = bench.enter_all(50).await;
    pause(LONGER_THAN_GRACE).await;
    // All at once, so that the first one is not silent again before the last one has polled.
    let heard = users.iter().step_by(2).chain(behind.iter().skip(1).step_by(2));
    join_all(heard.map(|user| bench.poll(*user))).await;
    let outcome = bench
        .tick(Tick {
            settings: settings(100, 100),
            ..bench.tick_order()
        })
        .await;
    assert_eq!((outcome.admitted, outcome.evicted, outcome.waiting), (50, 50, 0));
    for user in users.iter().step_by(2).chain(behind.iter().skip(1).step_by(2)) {
        bench.grant(*user).await;
    }
    let beats = &super::keys::line(bench.event)[1];
    let left: u64 = redis::cmd("HLEN")
        .arg(beats)
        .query_async(&mut bench.line.connection())
        .await
        .unwrap();
    assert_eq!(left, 0, "no heartbeat outlives its place");
}

#[tokio::test]
async fn the_silent_are_swept_also_when_the_clock_was_set_back_since_they_came() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    let later = bench.line.now().await.unwrap().timestamp_micros() + 300_000_000;
    bench.set_control("last", later).await;
    bench.enter_all(2).await;
    pause(2100).await;
    let paused = Tick {
        paused: true,
        ..bench.tick_order()
    };
    let outcome = bench.tick(paused).await;
    assert_eq!((outcome.evicted, outcome.waiting), (2, 0));
}

#[tokio::test]
async fn an_outage_of_the_polls_costs_nobody_a_place_however_long_it_takes() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(3).await;
    let one = Tick {
        settings: settings(100, 1),
        ..bench.tick_order()
    };
    assert_eq!(bench.tick(one).await.admitted, 1);
    // Missed once, and admitted again: the next time it would be over.
    bench.end_offers(&users).await;
    let outcome = bench.tick(one).await;
    assert_eq!((outcome.returned, outcome.admitted), (1, 1));
    bench.tick_after(1000, one).await;
    for _ in 0..3 {
        bench.tick_after(0, one).await;
    }
    for round in 0..5 {
        bench.end_offers(&users).await;
        let outcome = bench.tick_after(0, one).await;
        assert_eq!(
            (outcome.returned, outcome.admitted, outcome.expired, outcome.evicted),
            (u64::from(round == 0), 0, 0, 0),
            "round {round}"
        );
    }
    // They are heard again, and the line goes on where it was, at its rate.
    assert!(matches!(bench.poll(users[1]).await, Standing::Waiting(place) if place.position == 2));
    bench.tick_until_admitted(one).await;
    // What was missed in the outage was not the one time for which an offer may be missed.
    bench.end_offers(&users).await;
    let outcome = bench.tick(one).await;
    assert_eq!((outcome.returned, outcome.expired), (1, 0));
    bench.tick_until_admitted(one).await;
    bench.grant(users[0]).await;
}

#[tokio::test]
async fn a_line_of_a_few_and_one_that_everybody_left_long_ago_go_on() {
    for (beats, quiet) in [(19, None), (1000, Some(1000))] {
        let bench = Bench::new(&[]).await;
        let users = bench.enter_all(1).await;
        let paused = Tick {
            paused: true,
            ..bench.tick_order()
        };
        bench.tick_after(beats, paused).await;
        for _ in 0..4 {
            bench.tick_after(0, paused).await;
        }
        if let Some(quiet) = quiet {
            assert_eq!(bench.tick_after(0, bench.tick_order()).await.admitted, 0);
            bench.set_control("quiet", quiet).await;
        }
        bench.tick_until_admitted(bench.tick_order()).await;
        bench.grant(users[0]).await;
    }
}
