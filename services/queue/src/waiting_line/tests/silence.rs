use super::{Bench, Standing, Tick, pause, settings};
use crate::waiting_line::AbsenceReason;

#[tokio::test]
async fn who_fell_silent_is_passed_over_and_who_kept_polling_is_admitted() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    let users = bench.enter_all(3).await;
    pause(2100).await;
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
async fn the_silent_are_swept_also_where_nobody_is_admitted() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    let users = bench.enter_all(5).await;
    pause(2100).await;
    bench.poll(users[4]).await;
    let outcome = bench
        .tick(Tick {
            paused: true,
            ..bench.tick_order()
        })
        .await;
    assert_eq!((outcome.evicted, outcome.waiting), (4, 1));
    assert!(matches!(bench.poll(users[4]).await, Standing::Waiting(place) if place.position == 1));
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
async fn a_pause_of_the_ticks_evicts_nobody() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    bench.enter_all(3).await;
    let paused = Tick {
        paused: true,
        ..bench.tick_order()
    };
    bench.tick(paused).await;
    pause(2100).await;
    let now = bench.line.now().await.unwrap().timestamp_micros();
    bench.set_control("ticked", now - 6_000_000).await;
    assert_eq!(bench.tick(paused).await.evicted, 0, "the grace begins anew");
    pause(2100).await;
    assert_eq!(bench.tick(paused).await.evicted, 3, "and ends");
}

#[tokio::test]
async fn heartbeats_that_stop_all_at_once_evict_nobody() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    bench.enter_all(3).await;
    let paused = Tick {
        paused: true,
        ..bench.tick_order()
    };
    bench.tick(paused).await;
    // As if many had polled in each window until now.
    bench.set_control("beats_ref", 500).await;
    for _ in 0..6 {
        pause(400).await;
        assert_eq!(bench.tick(paused).await.evicted, 0);
    }
    // A few polls again: less than half, kept up, is no outage for ever.
    bench.set_control("beats_ref", 0).await;
    pause(2100).await;
    assert_eq!(bench.tick(paused).await.evicted, 3);
}

#[tokio::test]
async fn heartbeats_survive_hundreds_of_neighbours() {
    let bench = Bench::new(&[("QUEUE_GRACE_SECONDS", "1")]).await;
    // Scores one apart share fields of the heartbeat hash with scores 4,096 further on.
    bench.set_control("last", 3_000_000_000_000_000).await;
    let users = bench.enter_all(50).await;
    bench.set_control("last", 3_000_000_000_000_000 + 4096).await;
    let behind = bench.enter_all(50).await;
    pause(2100).await;
    for user in users.iter().step_by(2).chain(behind.iter().skip(1).step_by(2)) {
        bench.poll(*user).await;
    }
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
