use super::{Bench, Standing};
use uuid::Uuid;

#[tokio::test]
async fn the_snapshot_is_exact_at_the_front_and_never_far_off_behind() {
    for waiting in [0, 1, 256, 257, 1_300] {
        let bench = Bench::new(&[]).await;
        let users = bench.enter_all(waiting).await;
        let snapshot = bench.line.snapshot(bench.event).await.unwrap();
        assert_eq!(snapshot.total, waiting as u64);
        // 256 marks for the places behind the first 256.
        let step = (waiting.saturating_sub(256) as u64).div_ceil(256);
        for (rank, user) in users.iter().enumerate() {
            let Standing::Waiting(place) = bench.poll(*user).await else {
                panic!("everybody waits")
            };
            let shown = snapshot.position(place.score).unwrap_or_default();
            let off = shown.abs_diff(place.position);
            assert!(
                off <= if rank < 256 { 0 } else { step },
                "{shown} for {}",
                place.position
            );
        }
    }
}

#[tokio::test]
async fn who_left_or_came_later_is_not_in_the_snapshot() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(3).await;
    let Standing::Waiting(first) = bench.poll(users[0]).await else {
        panic!("waits")
    };
    bench.line.leave(bench.event, users[0]).await.unwrap();
    let snapshot = bench.line.snapshot(bench.event).await.unwrap();
    assert_eq!(snapshot.position(first.score), None);
    let late = Uuid::now_v7();
    bench.enter(late).await;
    let Standing::Waiting(late) = bench.poll(late).await else {
        panic!("waits")
    };
    assert_eq!(snapshot.position(late.score), None);
}
