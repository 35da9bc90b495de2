//! Many ask for one seat map at once: they share readings of the database, and nobody is told what was so before they asked.

use crate::helpers::{App, Buyer, SOON};
use serde_json::Value;
use sqlx::{Postgres, pool::PoolConnection};
use test_support::{Reply, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Counts the readings of seat maps in the database, and stops each one whose number somebody has locked, after it has taken
/// its snapshot.
const TURNSTILE: &str = "
    create schema turnstile;
    grant usage on schema turnstile to public;
    create sequence turnstile.readings;
    create function turnstile.pass() returns boolean language plpgsql security definer as $$
        begin
            if current_query() like '%array_agg(seat_id)%' then
                perform pg_advisory_xact_lock_shared(nextval('turnstile.readings'));
            end if;
            return true;
        end
    $$;
    create policy turnstile on reservation_service.seat_assignments using ((select turnstile.pass()));
    alter table reservation_service.seat_assignments enable row level security;
";

/// The turnstile of a concert of which seat 1 is held, because where there is no row nothing has to pass.
struct Turnstile {
    app: App,
    keeper: PoolConnection<Postgres>,
}

impl Turnstile {
    async fn start() -> Self {
        let app = App::start().await;
        app.buyer().hold(&[1]).await;
        sqlx::raw_sql(TURNSTILE).execute(&app.database).await.unwrap();
        let keeper = app.database.acquire().await.unwrap();
        Self { app, keeper }
    }

    /// The reading of that number will stop.
    async fn close(&mut self, reading: i64) {
        sqlx::query("select pg_advisory_lock($1)")
            .bind(reading)
            .execute(&mut *self.keeper)
            .await
            .unwrap();
    }

    async fn open(&mut self, reading: i64) {
        sqlx::query("select pg_advisory_unlock($1)")
            .bind(reading)
            .execute(&mut *self.keeper)
            .await
            .unwrap();
    }

    /// Waits until the reading has stopped, and tells which connection reads.
    async fn stopped(&self, reading: i64) -> i32 {
        eventually("a reading has stopped", SOON, async || self.stands(reading).await).await
    }

    /// Which connection reads, if the reading stands at the turnstile.
    async fn stands(&self, reading: i64) -> Option<i32> {
        sqlx::query_scalar(
            "select pid from pg_locks
             where locktype = 'advisory' and not granted and objid = $1::bigint::oid
                 and database = (select oid from pg_database where datname = current_database())",
        )
        .bind(reading)
        .fetch_optional(&self.app.database)
        .await
        .unwrap()
    }

    /// As when the statement has run for too long.
    async fn cancel(&self, connection: i32) {
        sqlx::query("select pg_cancel_backend($1)")
            .bind(connection)
            .execute(&self.app.database)
            .await
            .unwrap();
    }

    async fn readings(&self) -> i64 {
        sqlx::query_scalar("select case when is_called then last_value else 0 end from turnstile.readings")
            .fetch_one(&self.app.database)
            .await
            .unwrap()
    }

    fn ask(&self) -> Asker {
        self.crowd(1)
    }

    fn crowd(&self, size: usize) -> Asker {
        let mut asker = JoinSet::new();
        for _ in 0..size {
            let (buyer, path) = (self.app.buyer(), path(&self.app));
            asker.spawn(async move { buyer.api.get(&path).await });
        }
        Asker(asker)
    }

    /// Long enough for whoever asked before to have arrived, most probably.
    async fn others_are_served(&self) {
        for _ in 0..3 {
            let buyer: Buyer = self.app.buyer();
            let _ = buyer.api.get("/reservations").await.expect(200);
        }
    }
}

/// Requests under way, which hang up when this is dropped.
struct Asker(JoinSet<Reply>);

impl Asker {
    async fn reply(mut self) -> Reply {
        self.0.join_next().await.unwrap().unwrap()
    }
}

fn path(app: &App) -> String {
    format!("/reservations/seats/{}", app.event_id)
}

/// The statuses of the first seats.
#[track_caller]
fn statuses<const N: usize>(map: &Value) -> [&str; N] {
    std::array::from_fn(|seat| map["seats"][seat]["status"].as_str().unwrap())
}

#[tokio::test]
async fn many_who_ask_at_once_share_few_readings() {
    const ASKERS: usize = 200;
    let mut turnstile = Turnstile::start().await;
    turnstile.close(1).await;
    let first = turnstile.ask();
    turnstile.stopped(1).await;
    let crowd = turnstile.crowd(ASKERS);
    turnstile.others_are_served().await;
    turnstile.open(1).await;
    let map = first.reply().await;
    assert_eq!(map.header("content-type"), Some("application/json"));
    let map = map.expect(200);
    assert_eq!(statuses(&map), ["HOLD", "AVAILABLE"]);
    for reply in crowd.0.join_all().await {
        assert_eq!(reply.expect(200), map);
    }
    // Two, if all arrive before the first reading goes on.
    let readings = turnstile.readings().await;
    assert!((2..=ASKERS as i64 / 4).contains(&readings), "{readings} readings");
}

#[tokio::test]
async fn a_seat_that_was_held_before_one_asks_is_never_free() {
    let mut turnstile = Turnstile::start().await;
    turnstile.close(1).await;
    let before = turnstile.ask();
    turnstile.stopped(1).await;
    let _held = turnstile.app.buyer().hold(&[2]).await;
    let after = turnstile.ask();
    turnstile.others_are_served().await;
    turnstile.open(1).await;
    // Without this the reading would not have been under way when the seat was held.
    assert_eq!(
        statuses(&before.reply().await.expect(200)),
        ["HOLD", "AVAILABLE", "AVAILABLE"]
    );
    assert_eq!(
        statuses(&after.reply().await.expect(200)),
        ["HOLD", "HOLD", "AVAILABLE"]
    );
}

#[tokio::test]
async fn who_hangs_up_leaves_the_others_their_map() {
    let mut turnstile = Turnstile::start().await;
    turnstile.close(1).await;
    let gone = turnstile.ask();
    turnstile.stopped(1).await;
    let stays = turnstile.ask();
    turnstile.others_are_served().await;
    drop(gone);
    assert_eq!(statuses(&stays.reply().await.expect(200)), ["HOLD", "AVAILABLE"]);
    // The first reading has not gone on, nor has it failed.
    assert!(turnstile.stands(1).await.is_some());
    assert_eq!(turnstile.readings().await, 2);
}

#[tokio::test]
async fn a_reading_that_fails_fails_for_those_who_waited_for_it_and_the_next_one_is_new() {
    let mut turnstile = Turnstile::start().await;
    turnstile.close(1).await;
    turnstile.close(2).await;
    let first = turnstile.ask();
    let connection = turnstile.stopped(1).await;
    let (second, third) = (turnstile.ask(), turnstile.ask());
    turnstile.others_are_served().await;
    turnstile.cancel(connection).await;
    let reply = first.reply().await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");

    let connection = turnstile.stopped(2).await;
    turnstile.cancel(connection).await;
    second.reply().await.expect_problem(503, "SERVICE_UNAVAILABLE");
    let third = third.reply().await;
    // It may have come too late for the second reading.
    if third.status != 200 {
        third.expect_problem(503, "SERVICE_UNAVAILABLE");
    }
    let map = turnstile.ask().reply().await.expect(200);
    assert_eq!(statuses(&map), ["HOLD", "AVAILABLE"]);
}

#[tokio::test]
async fn a_map_of_other_prices_is_written_anew() {
    let app = App::start().await;
    let buyer = app.buyer();
    let map = buyer.api.get(&path(&app)).await.expect(200);
    assert_eq!(map["eventId"], app.event_id.to_string());
    assert_eq!(map["seats"].as_array().unwrap().len(), 12);
    let seat = serde_json::json!({
        "id": Uuid::from_u128(2), "seatNumber": "A-2", "grade": "VIP", "price": 150_000, "status": "AVAILABLE"
    });
    assert_eq!(map["seats"][1], seat);

    {
        let mut known = app.neighbours.known();
        known.event.version += 1;
        known.event.price = 90_000;
    }
    sqlx::query("insert into reservation_service.event_versions (event_id, version) values ($1, 2)")
        .bind(app.event_id)
        .execute(&app.database)
        .await
        .unwrap();
    let map = buyer.api.get(&path(&app)).await.expect(200);
    assert_eq!(map["seats"][1]["price"], 90_000);
}
