//! What is kept of who is no longer there, and for how long.

use super::{Bench, Standing, Tick, pause, place, settings};
use crate::waiting_line::{AbsenceReason, keys};
use redis::cmd;
use uuid::Uuid;

impl Bench {
    async fn seconds_to_live(&self, key: usize) -> i64 {
        cmd("TTL")
            .arg(&keys::line(self.event)[key])
            .query_async(&mut self.line.connection())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_reason_is_remembered_for_ten_minutes() {
    let bench = Bench::new(&[]).await;
    let (user, never_here) = (bench.enter_all(1).await[0], Uuid::now_v7());
    bench.line.leave(bench.event, user).await.unwrap();
    let now = bench.line.now().await.unwrap().timestamp();
    for (age, reason) in [(590, Some(AbsenceReason::Left)), (601, None)] {
        cmd("ZADD")
            .arg(&keys::line(bench.event)[5])
            .arg((now - age) * 8 + 3)
            .arg(user.to_string())
            .exec_async(&mut bench.line.connection())
            .await
            .unwrap();
        assert_eq!(bench.poll(user).await, Standing::Absent(reason), "after {age} s");
    }
    for (age, reason) in [(590, Some(AbsenceReason::Closed)), (601, None)] {
        bench.set_control("closed", now - age).await;
        assert_eq!(bench.poll(never_here).await, Standing::Absent(reason), "after {age} s");
    }
}

#[tokio::test]
async fn of_a_line_that_ended_nothing_is_kept_for_ever() {
    let bench = Bench::new(&[("QUEUE_TOKEN_TTL_SECONDS", "0.1")]).await;
    let users = bench.enter_all(2).await;
    bench
        .tick(Tick {
            settings: settings(100, 1),
            ..bench.tick_order()
        })
        .await;
    bench.grant(users[0]).await;
    bench.line.leave(bench.event, users[1]).await.unwrap();
    pause(120).await;
    let outcome = bench.tick(bench.tick_order()).await;
    assert_eq!((outcome.waiting, outcome.active), (0, 0));
    let [_, _, _, _, _, gone, control, pace] = [0, 1, 2, 3, 4, 5, 6, 7];
    for (key, most) in [(gone, 600), (control, 7 * 86_400), (pace, 7 * 86_400)] {
        let left = bench.seconds_to_live(key).await;
        // -2: there is no such key, which is as good.
        assert!(left == -2 || (1..=most).contains(&left), "key {key}: {left}");
    }
    for emptied in 0..5 {
        assert_eq!(bench.seconds_to_live(emptied).await, -2, "key {emptied}");
    }
    // Somebody comes again, and the sale ends.
    place(bench.enter(Uuid::now_v7()).await);
    bench.line.close(bench.event).await.unwrap();
    assert!((1..=86_400).contains(&bench.seconds_to_live(control).await));
    // A confirmation that comes late does not make the line immortal.
    bench.line.release(bench.event, users[0], "grant").await.unwrap();
    assert!((1..=86_400).contains(&bench.seconds_to_live(control).await));
    let other = Bench::new(&[]).await;
    other.line.release(other.event, users[0], "grant").await.unwrap();
    assert!(other.seconds_to_live(control).await != -1);
}
