use super::{expect_unavailable, own, with_fresh_token};
use redis::AsyncCommands;
use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Hold, Outcome, Sale, System};
use test_support::{Servers, TestEnv, connect_redis, eventually, servers::OwnRedis};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(60);

async fn start_on(redis: &OwnRedis) -> System {
    let servers = Servers {
        redis: redis.url(),
        ..Servers::shared()
    };
    let settings = [
        ("QUEUE_RECOVERY_PAUSE_SECONDS", "1"),
        ("HOLD_REBUILD_CHECK_SECONDS", "0.2"),
    ];
    System::start_in(TestEnv::on(servers).await, &settings).await
}

/// Which reservation holds a seat, as Redis knows.
async fn holder(system: &System, sale: &Sale, seat: Uuid) -> Option<Uuid> {
    let mut redis = connect_redis(system.env().redis_url()).await;
    let key = format!("seat:hold:{{{}}}:{seat}", sale.event_id);
    let holder: Option<String> = redis.get(key).await.ok()?;
    holder?.split_once(':')?.1.parse().ok()
}

/// Waits until Redis knows a hold.
async fn wait_until_rebuilt(system: &System, sale: &Sale, hold: &Hold) {
    for seat in &hold.seat_ids {
        eventually("the hold is in Redis again", SOON, || async {
            (holder(system, sale, *seat).await == Some(hold.reservation_id)).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_costs_nobody_a_seat() {
    let Some(mut redis) = own(OwnRedis::start().await) else {
        return;
    };
    let system = start_on(&redis).await;
    let sale = system.admin().await.open_sale(1, 6).await;
    let (holding, paying, other) = (
        Buyer::register(&system).await,
        Buyer::register(&system).await,
        Buyer::register(&system).await,
    );
    let held = holding.queue_and_hold(&sale, 2).await;
    let paid = paying.queue_and_hold(&sale, 1).await;
    let (key, window) = paying.pay_in_window(&paid, Outcome::Pay).await;
    let token = other.queue(&sale).await;

    redis.kill().await;
    expect_unavailable(other.try_hold(&sale, &token, &held.seat_ids).await);
    expect_unavailable(other.api().get("/queue/status").await);
    let enter = json!({"eventId": sale.event_id});
    expect_unavailable(other.api().post("/queue/enter", &enter).await);
    redis.restart_empty().await;

    // Nothing was restarted but Redis.
    wait_until_rebuilt(&system, &sale, &held).await;
    wait_until_rebuilt(&system, &sale, &paid).await;
    for seat in held.seat_ids.iter().chain(&paid.seat_ids) {
        assert_eq!(other.seat_status(&sale, *seat).await, "HOLD");
    }
    let token = other.admitted(&sale).await;
    for hold in [&held, &paid] {
        let reply = other.try_hold(&sale, &token, &hold.seat_ids).await;
        let problem = reply.expect_problem(409, "SEAT_UNAVAILABLE");
        let mut seats = hold.seat_ids.clone();
        seats.sort_unstable();
        assert_eq!(problem["seatIds"], json!(seats));
    }
    let free = other.free_seats(&sale, 3).await;
    let mine = other.hold(&sale, &token, &free[..1]).await;
    assert_eq!(holder(&system, &sale, free[0]).await, Some(mine.reservation_id));

    // The window was open before the loss; the others get their payment tokens anew.
    let _payment = paying.confirm(key, &window).await.expect(200);
    let _payment = holding.pay(&with_fresh_token(&holding, &held).await).await;
    let _payment = other.pay(&mine).await;
    for (buyer, hold) in [(&paying, &paid), (&holding, &held), (&other, &mine)] {
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    }
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_second_of_redis_is_put_back_from_the_database() {
    let Some(mut redis) = own(OwnRedis::start().await) else {
        return;
    };
    let system = start_on(&redis).await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let (early, late, other) = (
        Buyer::register(&system).await,
        Buyer::register(&system).await,
        Buyer::register(&system).await,
    );
    let first = early.queue_and_hold(&sale, 1).await;
    let token = late.queue(&sale).await;
    let others_token = other.queue(&sale).await;
    let free = late.free_seats(&sale, 2).await;

    // What comes now is what a machine that loses power has not yet on its disk.
    let mark = redis.mark();
    let second = late.hold(&sale, &token, &free[..1]).await;
    let (key, window) = late.pay_in_window(&second, Outcome::Pay).await;
    redis.kill().await;
    redis.restart_as_of(mark).await;

    wait_until_rebuilt(&system, &sale, &second).await;
    wait_until_rebuilt(&system, &sale, &first).await;
    // Places from before the second are as they were.
    let token = other.admitted(&sale).await;
    assert_eq!(token, others_token);
    for seat in [first.seat_ids[0], free[0]] {
        let reply = other.try_hold(&sale, &token, &[seat]).await;
        reply.expect_problem(409, "SEAT_UNAVAILABLE");
    }
    let mine = other.hold(&sale, &token, &free[1..]).await;
    let _payment = late.confirm(key, &window).await.expect(200);
    let _payment = early.pay(&first).await;
    let _payment = other.pay(&mine).await;
    for (buyer, hold) in [(&early, &first), (&late, &second), (&other, &mine)] {
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    }
    system.audit().await;
}
