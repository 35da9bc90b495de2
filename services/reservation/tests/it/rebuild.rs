//! Redis has lost holds, and the database knows whose they were.

use crate::helpers::{App, Buyer, SOON};
use common::internal_auth::Service;
use redis::AsyncCommands;
use reservation_service::{Config, build};
use serde_json::{Value, json};
use test_support::{Login, Running, TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

const WHOLE: &str = "seat:holds:whole";

async fn app() -> App {
    App::start_in(TestEnv::new().await.with("HOLD_REBUILD_CHECK_SECONDS", "0.05")).await
}

impl App {
    fn hold_key(&self, seat: u128) -> String {
        format!("seat:hold:{{{}}}:{}", self.event_id, Uuid::from_u128(seat))
    }

    /// How long a seat is held in Redis, in ms.
    async fn redis_ttl(&self, seat: u128) -> i64 {
        self.redis().await.pttl(self.hold_key(seat)).await.unwrap()
    }

    /// Empties Redis.
    async fn forget_holds(&self) {
        let _: () = redis::cmd("FLUSHDB")
            .query_async(&mut self.redis().await)
            .await
            .unwrap();
    }

    /// Waits until a rebuild has come to its end since [`App::forget_holds`].
    async fn wait_until_whole(&self) {
        eventually("the holds are whole", SOON, async || {
            let note: Option<String> = self.redis().await.get(WHOLE).await.unwrap();
            note.filter(|run_id| run_id.len() == 40)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_gets_the_holds_back_with_the_time_they_have_left() {
    let app = app().await;
    let (holding, paying, released, bought) = (app.buyer(), app.buyer(), app.buyer(), app.buyer());
    let held = holding.hold(&[1, 2]).await;
    let paid = paying.hold(&[3]).await;
    let _locked = app.lock(&paying, paid, Uuid::now_v7(), 150_000).await.expect(200);
    let over = released.hold(&[4]).await;
    let _ = released
        .api
        .delete(&format!("/reservations/hold/{over}"))
        .await
        .expect(204);
    let sold = bought.hold(&[5]).await;
    app.confirm(sold).await;
    // Half of the hold's time is over, and all of it for the payment that runs.
    sqlx::query("update reservation_service.reservations set hold_expires_at = clock_timestamp() + make_interval(secs => $2) where id = $1")
        .bind(held)
        .bind(150.0)
        .execute(&app.database)
        .await
        .unwrap();
    sqlx::query("update reservation_service.reservations set hold_expires_at = clock_timestamp() - interval '1 s' where id = $1")
        .bind(paid)
        .execute(&app.database)
        .await
        .unwrap();

    app.forget_holds().await;
    app.wait_until_whole().await;
    let holders = [1, 2, 3, 4, 5].map(|seat| app.redis_holder(seat));
    let holders = futures_util::future::join_all(holders).await;
    assert_eq!(holders, [Some(held), Some(held), Some(paid), None, None]);
    let (left, locked) = (app.redis_ttl(1).await, app.redis_ttl(3).await);
    assert!((90_000..=150_000).contains(&left), "{left}");
    assert!((240_000..=300_000).contains(&locked), "{locked}");
    let index = format!("seat:holds:{{{}}}", app.event_id);
    let listed: usize = app.redis().await.zcard(&index).await.unwrap();
    assert_eq!(listed, 3);
    // The crowd is kept off by Redis again, not by the database.
    app.buyer().try_hold(&[2]).await.expect_problem(409, "SEAT_UNAVAILABLE");
    assert_eq!(app.redis_holder(2).await, Some(held));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_redis_that_lost_its_last_second_gets_back_what_is_missing() {
    let app = app().await;
    let (first, last) = (app.buyer(), app.buyer());
    let kept = first.hold(&[1]).await;
    let lost = last.hold(&[2]).await;
    app.wait_until_whole().await;
    // As after a restart: another process, the last hold missing, the note of the process before still there.
    let _: () = redis::pipe()
        .atomic()
        .del(app.hold_key(2))
        .set(WHOLE, "the-process-before")
        .query_async(&mut app.redis().await)
        .await
        .unwrap();
    app.wait_until_whole().await;
    assert_eq!(
        (app.redis_holder(1).await, app.redis_holder(2).await),
        (Some(kept), Some(lost))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_hold_is_not_overwritten() {
    let app = app().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2, 3]).await;
    let (stranger, again) = (Uuid::now_v7(), Uuid::now_v7());
    // Somebody took one seat in the emptied Redis before it was noticed, and the buyer's own next request another.
    let _: () = redis::pipe()
        .atomic()
        .cmd("FLUSHDB")
        .set(app.hold_key(1), format!("{}:{stranger}", Uuid::now_v7()))
        .set(app.hold_key(2), format!("{}:{again}", buyer.id))
        .query_async(&mut app.redis().await)
        .await
        .unwrap();
    app.wait_until_whole().await;
    let holders = futures_util::future::join_all([1, 2, 3].map(|seat| app.redis_holder(seat))).await;
    assert_eq!(holders, [Some(stranger), Some(again), Some(id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_released_while_several_replicas_rebuild_leave_nothing_behind() {
    let app = app().await;
    let config = Config::from_env(&app.env.env(Some(Login::Reservation))).unwrap();
    let _second = Running::start(build(config).await.unwrap());
    for _ in 0..10 {
        let mut holds: Vec<(Buyer, Uuid)> = Vec::new();
        for seat in 1..=12 {
            let buyer = app.buyer();
            let id = buyer.hold(&[seat]).await;
            holds.push((buyer, id));
        }
        app.forget_holds().await;
        let mut releasing = JoinSet::new();
        for (buyer, id) in holds {
            releasing.spawn(async move { buyer.api.delete(&format!("/reservations/hold/{id}")).await });
        }
        for reply in releasing.join_all().await {
            let _ = reply.expect(204);
        }
        app.wait_until_whole().await;
        eventually("no seat is held in Redis", SOON, async || {
            let holders = futures_util::future::join_all((1..=12).map(|seat| app.redis_holder(seat))).await;
            holders.iter().all(Option::is_none).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_learns_page_by_page_who_is_at_work() {
    let app = app().await;
    let path = format!("/internal/reservations/pending/{}", app.event_id);
    let queue = app.as_service(Service::Queue);
    assert_eq!(
        queue.get(&path).await.expect(200),
        json!({"eventId": app.event_id, "reservations": [], "next": null})
    );
    let (holding, paying, over) = (app.buyer(), app.buyer(), app.buyer());
    let _held = holding.hold(&[1]).await;
    let paid = paying.hold(&[2]).await;
    let _locked = app.lock(&paying, paid, Uuid::now_v7(), 150_000).await.expect(200);
    let released = over.hold(&[3]).await;
    let _ = over
        .api
        .delete(&format!("/reservations/hold/{released}"))
        .await
        .expect(204);
    let told = queue.get(&path).await.expect(200);
    let who: Vec<(&Value, &Value, &Value)> = told["reservations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["userId"], &one["grantId"], &one["paying"]))
        .collect();
    let expected = [(&holding, false), (&paying, true)]
        .map(|(buyer, paying)| (json!(buyer.id), json!(format!("grant-of-{}", buyer.id)), json!(paying)));
    let expected: Vec<_> = expected
        .iter()
        .map(|(user, grant, paying)| (user, grant, paying))
        .collect();
    assert_eq!(who, expected);

    sqlx::query(
        "insert into reservation_service.reservations
             (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at)
         select uuidv7(), uuidv7(), $1, 1, now() + interval '5 min', 'Concert', now(), now() from generate_series(1, 600)",
    )
    .bind(app.event_id)
    .execute(&app.database)
    .await
    .unwrap();
    let first = queue.get(&path).await.expect(200);
    assert_eq!(first["reservations"].as_array().unwrap().len(), 500);
    let next = first["next"].as_str().unwrap();
    let second = queue.get(&format!("{path}?after={next}")).await.expect(200);
    assert_eq!(
        (second["reservations"].as_array().unwrap().len(), &second["next"]),
        (102, &Value::Null)
    );
    queue
        .get(&format!("{path}?after=nobody"))
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}
