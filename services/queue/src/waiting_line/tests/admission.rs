use super::{Bench, Standing, Tick, pause, replica, settings};
use crate::waiting_line::AbsenceReason;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_replicas_ticking_at_once_never_exceed_the_rate() {
    const RATE: u32 = 40;
    const BURST_SECONDS: f64 = 5.0;
    const WAITING: usize = 400;
    // A bucket so large that it does not run over while the machine does something else.
    let bench = Bench::new(&[("ADMISSION_BURST_SECONDS", &BURST_SECONDS.to_string())]).await;
    bench.enter_all(WAITING).await;
    let order = Tick {
        settings: settings(RATE, 1_000_000),
        ..bench.tick_order()
    };
    let burst = f64::from(RATE) * BURST_SECONDS;
    let seconds = |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).as_seconds_f64();
    let before = bench.line.now().await.unwrap();
    let first = bench.tick(order).await.admitted;
    let begun = bench.line.now().await.unwrap();
    let loops = (0..4).map(|_| {
        let line = replica(&bench.env);
        async move {
            let mut admitted = 0;
            for _ in 0..60 {
                admitted += line.tick(bench.event, order).await.unwrap().admitted;
                pause(20).await;
            }
            admitted
        }
    });
    let meanwhile: u64 = join_all(loops).await.into_iter().sum();
    let ending = bench.line.now().await.unwrap();
    let admitted = first + meanwhile + bench.tick(order).await.admitted;
    let after = bench.line.now().await.unwrap();
    let most = burst + f64::from(RATE) * seconds(before, after);
    assert!((admitted as f64) <= most, "{admitted} admitted, {most} allowed");
    // The last tick has admitted whatever was earned between the first one and itself, but for a part of a person.
    let least = burst + f64::from(RATE) * seconds(begun, ending) - 1.0;
    assert!(
        admitted == WAITING as u64 || (admitted as f64) >= least,
        "{admitted} of {least}: the rate is used"
    );
}

#[tokio::test]
async fn the_cap_holds_and_a_freed_place_is_filled() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(20).await;
    let order = Tick {
        settings: settings(100, 7),
        ..bench.tick_order()
    };
    let outcome = bench.tick(order).await;
    assert_eq!((outcome.admitted, outcome.active, outcome.waiting), (7, 7, 13));
    assert_eq!(bench.tick(order).await.admitted, 0);
    bench.line.leave(bench.event, users[0]).await.unwrap();
    assert_eq!(bench.tick(order).await.admitted, 1);
}

#[tokio::test]
async fn nobody_is_admitted_to_seats_that_are_sold_or_spoken_for() {
    let bench = Bench::new(&[]).await;
    bench.enter_all(20).await;
    let order = bench.tick_order();
    assert_eq!(
        bench
            .tick(Tick {
                unsold: Some((0, 0)),
                ..order
            })
            .await
            .admitted,
        0
    );
    assert_eq!(bench.tick(Tick { unsold: None, ..order }).await.admitted, 0);
    assert_eq!(
        bench
            .tick(Tick {
                unsold: Some((3, 0)),
                ..order
            })
            .await
            .admitted,
        3
    );
    assert_eq!(
        bench
            .tick(Tick {
                unsold: Some((3, 0)),
                ..order
            })
            .await
            .admitted,
        0,
        "three places, three seats"
    );
}

#[tokio::test]
async fn a_count_of_seats_from_before_a_sale_admits_nobody() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(5).await;
    let order = Tick {
        unsold: Some((1, 0)),
        ..bench.tick_order()
    };
    assert_eq!(bench.tick(order).await.admitted, 1);
    let grant = bench.grant(users[0]).await;
    bench.line.release(bench.event, users[0], &grant.id).await.unwrap();
    // The place is free and the old count still says one seat: it is the one just sold.
    let outcome = bench.tick(order).await;
    assert_eq!((outcome.admitted, outcome.stale, outcome.sales), (0, true, 1));
    let outcome = bench
        .tick(Tick {
            unsold: Some((0, 1)),
            ..order
        })
        .await;
    assert_eq!((outcome.admitted, outcome.stale), (0, false));
}

#[tokio::test]
async fn a_paused_line_admits_nobody_and_keeps_every_place() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(5).await;
    let paused = Tick {
        paused: true,
        ..bench.tick_order()
    };
    let outcome = bench.tick(paused).await;
    assert_eq!((outcome.admitted, outcome.waiting), (0, 5));
    assert!(matches!(bench.poll(users[0]).await, Standing::Waiting(place) if place.position == 1));
    pause(150).await;
    assert!(
        bench.tick(bench.tick_order()).await.admitted >= 1,
        "goes on at its rate"
    );
}

#[tokio::test]
async fn a_grant_never_claimed_goes_back_once_and_then_expires() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(2).await;
    let one = Tick {
        settings: settings(100, 1),
        ..bench.tick_order()
    };
    assert_eq!(bench.tick(one).await.admitted, 1);
    bench.end_offers(&users).await;
    // Back at its old score, so it is the first to be admitted again, before the other one.
    let outcome = bench.tick(one).await;
    assert_eq!((outcome.returned, outcome.admitted, outcome.expired), (1, 1, 0));
    assert!(matches!(bench.poll(users[1]).await, Standing::Waiting(place) if place.position == 1));
    bench.end_offers(&users).await;
    let outcome = bench.tick(one).await;
    assert_eq!((outcome.returned, outcome.admitted, outcome.expired), (0, 1, 1));
    assert_eq!(
        bench.poll(users[0]).await,
        Standing::Absent(Some(AbsenceReason::Expired))
    );
    bench.grant(users[1]).await;
}

#[tokio::test]
async fn a_closed_line_is_empty_and_says_why() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(3).await;
    bench
        .tick(Tick {
            settings: settings(100, 1),
            ..bench.tick_order()
        })
        .await;
    let grant = bench.grant(users[0]).await;
    bench.line.close(bench.event).await.unwrap();
    for user in &users {
        assert_eq!(bench.poll(*user).await, Standing::Absent(Some(AbsenceReason::Closed)));
    }
    assert_eq!(
        bench
            .line
            .place_of_token(bench.event, users[0], &grant.token)
            .await
            .unwrap(),
        None
    );
    let stats = bench.line.stats(bench.event).await.unwrap();
    assert_eq!((stats.waiting, stats.active, stats.admitted), (0, 0, 1));
}
