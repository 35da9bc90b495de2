//! What the model found about lines that end.

use super::Bench;
use crate::waiting_line::keys;
use chrono::TimeDelta;
use redis::cmd;

#[tokio::test]
async fn closing_leaves_no_heartbeat_of_who_was_counted_in_from_the_line() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    let until = bench.line.now().await.unwrap() + TimeDelta::minutes(5);
    assert!(bench.line.count_in(bench.event, user, "grant", until).await.unwrap());
    bench.line.leave(bench.event, user).await.unwrap();
    bench.line.close(bench.event).await.unwrap();
    let left: u32 = cmd("EXISTS")
        .arg(&keys::line(bench.event)[1])
        .query_async(&mut bench.line.connection())
        .await
        .unwrap();
    assert_eq!(left, 0, "no tick comes any more that would sweep it");
}
