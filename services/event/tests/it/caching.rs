//! What is kept ready: by one load for all replicas, right on each of them, and without Redis too.

use crate::helpers::{App, text, time, with};
use chrono::TimeDelta;
use event_service::{Config, build};
use redis::AsyncCommands;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::{io::Read as _, time::Duration};
use test_support::{
    Api, Login, Reply, Running, TestEnv, connect_redis, eventually,
    servers::{Missing, OwnRedis, OwnRedisCluster},
};
use tokio::task::JoinSet;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

/// Another replica of the application's service.
struct Replica {
    public: Api,
    user: Api,
    _running: Running,
}

impl Replica {
    async fn of(app: &App) -> Self {
        let mut config = Config::from_env(&app.env.env(Some(Login::Event))).unwrap();
        config.clock = app.clock.clone();
        let running = Running::start(build(config).await.unwrap());
        let public = Api::as_gateway(&running.url());
        Self {
            user: public.as_user(Uuid::now_v7()),
            public,
            _running: running,
        }
    }
}

/// How many statements wait for the table of venues, which only loads of concerts and lists read here.
async fn loads(app: &App) -> i64 {
    app.count(
        "SELECT count(*) FROM pg_locks
         WHERE relation = 'event_service.venues'::regclass AND NOT granted AND database =
             (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_requests_at_two_replicas_are_one_load() {
    // A machine on which five hundred requests take long is not one whose Redis is away.
    let env = TestEnv::new().await.with("CACHE_REDIS_TIMEOUT_MILLIS", 20_000);
    let env = env.with("CACHE_LOCK_MILLIS", 60_000).with("CACHE_KNOWN_MILLIS", 0);
    let app = App::start_in(env).await;
    let other = Replica::of(&app).await;
    let event = app.event().await;
    // Lists are forgotten once more a while after a change.
    let redis = connect_redis(app.env.redis_url()).await;
    let generation = async || -> Option<String> { redis.clone().get("cache:event:list:generation").await.unwrap() };
    let first = generation().await;
    assert!(first.is_some());
    eventually("there is another generation", SOON, async || {
        (generation().await != first).then_some(())
    })
    .await;
    for path in [format!("/events/{event}"), "/events?size=10&sort=title,desc".to_owned()] {
        let mut holder = PgConnection::connect(&app.env.superuser_url()).await.unwrap();
        let mut held = holder.begin().await.unwrap();
        sqlx::query("LOCK TABLE event_service.venues IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *held)
            .await
            .unwrap();
        let mut requests = JoinSet::new();
        for number in 0..500 {
            let api = if number % 2 == 0 {
                app.public.clone()
            } else {
                other.public.clone()
            };
            let path = path.clone();
            requests.spawn(async move { api.get(&path).await });
        }
        eventually("somebody loads", SOON, async || (loads(&app).await > 0).then_some(())).await;
        // The others have come as far as they will.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(loads(&app).await, 1, "{path}");
        assert!(requests.try_join_next().is_none(), "nobody can know it yet");
        held.rollback().await.unwrap();
        while let Some(reply) = requests.join_next().await {
            let _ = reply.unwrap().expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_shows_at_once_where_it_was_made_and_soon_on_every_replica() {
    let app = App::start().await;
    let other = Replica::of(&app).await;
    let event = app.event().await;
    let detail = format!("/events/{event}");
    let lists = [
        "/events",
        "/events?status=CANCELLED",
        "/events?q=concert&city=Seoul",
        "/events?size=7",
    ];
    // Everything is cached everywhere.
    for api in [&app.public, &other.public] {
        assert_eq!(api.get(&detail).await.expect(200)["status"], "ONGOING");
        for list in lists {
            let _ = api.get(list).await.expect(200);
        }
    }
    let statuses = async |api: &Api| -> Value {
        let mut seen = vec![api.get(&detail).await.expect(200)["status"].clone()];
        for list in ["/events", "/events?status=CANCELLED", "/events?size=7"] {
            seen.push(api.get(list).await.expect(200)["content"][0]["status"].clone());
        }
        seen.into()
    };
    let body = json!({"reason": "The artist is ill"});
    let _ = app.admin.post(&format!("{detail}/cancel"), &body).await.expect(202);
    let cancelled = json!(["CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED"]);
    assert_eq!(statuses(&app.public).await, cancelled);
    eventually("the other replica knows", SOON, async || {
        (statuses(&other.public).await == cancelled).then_some(())
    })
    .await;

    // A venue's new name shows in its concerts, which have no new version.
    let shown = app.public.get(&detail).await.expect(200);
    let venue = format!("/venues/{}", text(&shown["venueId"]));
    let renamed = json!({"name": "New Hall", "address": "1 Street", "city": "Busan"});
    let _ = app.admin.put(&venue, &renamed).await.expect(200);
    assert_eq!(app.public.get(&detail).await.expect(200)["venueName"], "New Hall");
    eventually("the other replica knows", SOON, async || {
        let detail = other.public.get(&detail).await.expect(200);
        let list = other.public.get("/events").await.expect(200);
        let names = (&detail["venueName"], &list["content"][0]["venueName"]);
        (names == (&json!("New Hall"), &json!("New Hall"))).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_maker_died_shows_when_its_message_comes() {
    let app = App::start_in(TestEnv::new().await.with_topics().await).await;
    let event = app.event().await;
    assert_eq!(
        app.public.get("/events").await.expect(200)["content"][0]["title"],
        "겨울 콘서트"
    );
    eventually("the first message is handled", SOON, async || {
        let handled = app.count("SELECT count(*) FROM event_service.processed_events").await;
        (handled == 1).then_some(())
    })
    .await;
    // What a process that dies after its commit leaves behind: the row, and the message that some relay will send.
    let database = app.database().await;
    let statement = "WITH changed AS (
            UPDATE event_service.events SET title = 'Spring', version = version + 1 WHERE id = $1 RETURNING id
        )
        INSERT INTO common.outbox_events (
            id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, headers
        )
        SELECT gen_random_uuid(), producer, aggregate_type, aggregate_id, event_type, topic, message_key,
            jsonb_set(payload, '{eventId}', to_jsonb(gen_random_uuid())), headers
        FROM common.outbox_events WHERE event_type = 'EventChanged' AND aggregate_id = (SELECT id FROM changed)";
    let id: Uuid = event.parse().unwrap();
    sqlx::query(statement).bind(id).execute(&database).await.unwrap();
    eventually("the list shows it", SOON, async || {
        let list = app.public.get("/events").await.expect(200);
        (list["content"][0]["title"] == "Spring").then_some(())
    })
    .await;
    // The concert itself is known by its version, which is asked for.
    assert_eq!(
        app.public.get(&format!("/events/{event}")).await.expect(200)["title"],
        "Spring"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_is_served_and_changes_show() {
    let Ok(mut redis) = OwnRedis::start().await.inspect_err(Missing::report) else {
        return;
    };
    let app = App::start_in(TestEnv::new().await.with("REDIS_URL", redis.url())).await;
    let event = app.event().await;
    let (detail, seats) = (format!("/events/{event}"), format!("/events/{event}/seats"));
    let see = async |status: &str| {
        eventually("everything shows it", SOON, async || {
            let shown = app.public.get(&detail).await.expect(200)["status"].clone();
            let listed = app.public.get("/events").await.expect(200)["content"][0]["status"].clone();
            let _ = app.user.get(&seats).await.expect(200);
            let _ = app.public.get(&format!("/events?status={status}")).await.expect(200);
            ((shown, listed) == (json!(status), json!(status))).then_some(())
        })
        .await;
    };
    redis.kill().await;
    see("ONGOING").await;
    let body = json!({"reason": "The artist is ill"});
    let _ = app.admin.post(&format!("{detail}/cancel"), &body).await.expect(202);
    see("CANCELLED").await;
    let _ = app.public.get("/health/ready").await.expect(200);
    redis.restart().await;
    see("CANCELLED").await;
    eventually("Redis is used again", SOON, async || {
        let _ = app.public.get(&detail).await.expect(200);
        let kept: bool = connect_redis(&redis.url())
            .await
            .exists(format!("cache:event:{event}"))
            .await
            .unwrap();
        kept.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_can_invent_is_not_in_redis() {
    let app = App::start().await;
    let event = app.event().await;
    let venue = text(&app.public.get(&format!("/events/{event}")).await.expect(200)["venueId"]);
    let redis = connect_redis(app.env.redis_url()).await;
    let lists = async || -> Vec<String> {
        let mut keys: Vec<String> = redis.clone().keys("cache:event:list:*").await.unwrap();
        keys.retain(|key| key != "cache:event:list:generation");
        keys
    };
    // Pages are kept from when the generation of the lists is known.
    let usual = eventually("the usual page is kept", SOON, async || {
        let _ = app.public.get("/events").await.expect(200);
        let kept = lists().await;
        (!kept.is_empty()).then_some(kept)
    })
    .await;
    let nobodys = Uuid::new_v4();
    for (filter, found) in [
        (format!("venueId={nobodys}"), Some(0)),
        (format!("venueId={nobodys}&status=ONGOING&size=10"), Some(0)),
        (format!("venueId={venue}"), Some(1)),
        ("q=concert".to_owned(), None),
        ("city=Nowhere".to_owned(), Some(0)),
        ("from=2026-01-01T00:00:00Z".to_owned(), None),
        ("to=2026-01-01T00:00:00Z".to_owned(), None),
        ("size=7".to_owned(), None),
        ("page=50".to_owned(), None),
    ] {
        let list = app.public.get(&format!("/events?{filter}")).await.expect(200);
        if let Some(found) = found {
            assert_eq!(list["totalElements"], found, "{filter}");
        }
    }
    let missing = app.public.get(&format!("/events/{nobodys}")).await;
    missing.expect_problem(404, "NOT_FOUND");
    assert_eq!(lists().await, usual);
    let invented: Vec<String> = redis.clone().keys(format!("*{nobodys}*")).await.unwrap();
    assert_eq!(invented, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_soon_is_kept_for_a_minute_and_the_rest_for_five() {
    let app = App::start().await;
    let hall = app.hall(2).await;
    for (opens_in_minutes, at_most) in [(-60, 300), (-4, 60), (4, 60), (60, 300)] {
        let opening = app.clock.now() + TimeDelta::minutes(opens_in_minutes);
        let event = app
            .event_with(with(app.event_body(&hall), "saleStartAt", json!(time(opening))))
            .await;
        let _ = app.public.get(&format!("/events/{event}")).await.expect(200);
        let mut redis = connect_redis(app.env.redis_url()).await;
        let left: i64 = redis.ttl(format!("cache:event:{event}")).await.unwrap();
        assert!((at_most - 30..=at_most).contains(&left), "{left} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cluster_everything_is_kept_and_forgotten() {
    let Ok(cluster) = OwnRedisCluster::start().await.inspect_err(Missing::report) else {
        return;
    };
    let app = App::start_in(TestEnv::new().await.on_redis_cluster(&cluster)).await;
    let event = app.event().await;
    let detail = format!("/events/{event}");
    assert_eq!(app.public.get(&detail).await.expect(200)["status"], "ONGOING");
    assert_eq!(app.public.get("/events").await.expect(200)["totalElements"], 1);
    let _ = app.user.get(&format!("{detail}/seats")).await.expect(200);
    for key in [format!("cache:event:{event}"), format!("cache:seats:{event}")] {
        let made: Option<String> = cluster.ask_owner(&key, redis::cmd("HGET").arg(&key).arg("made")).await;
        assert!(made.is_some(), "{key}");
    }
    let body = json!({"reason": "The artist is ill"});
    let _ = app.admin.post(&format!("{detail}/cancel"), &body).await.expect(202);
    assert_eq!(app.public.get(&detail).await.expect(200)["status"], "CANCELLED");
    assert_eq!(
        app.public.get("/events").await.expect(200)["content"][0]["status"],
        "CANCELLED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_gzip_gets_what_was_compressed_once() {
    let app = App::start().await;
    let hall = app.hall(40).await;
    let event = app.event_with(app.event_body(&hall)).await;
    for path in [
        format!("/events/{event}/seats"),
        format!("/events/{event}/seats?since=0"),
    ] {
        let plain = app.user.get(&path).await;
        assert_eq!(
            (plain.header("content-encoding"), plain.header("vary")),
            (None, Some("accept-encoding"))
        );
        let packed = app.user.with_header("accept-encoding", "br, gzip").open(&path).await;
        let header = |name: &str| packed.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            (header("content-encoding"), header("vary"), header("content-type")),
            (
                "gzip".to_owned(),
                "accept-encoding".to_owned(),
                "application/json".to_owned()
            )
        );
        assert_eq!(Some(header("etag").as_str()), plain.header("etag"));
        let (bytes, mut json) = (packed.bytes().await.unwrap(), String::new());
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut json)
            .unwrap();
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), plain.expect(200));
        assert!(bytes.len() * 4 < json.len(), "{} of {}", bytes.len(), json.len());
    }
    // Small replies are not worth it, and who does not take it does not get it.
    let encoding = |reply: Reply| reply.header("content-encoding").map(str::to_owned);
    let gzip = app.user.with_header("accept-encoding", "gzip");
    assert_eq!(
        encoding(gzip.get(&format!("/events/{event}/seats?since=1")).await),
        None
    );
    assert_eq!(encoding(gzip.get("/events").await), None);
    let brotli = app.user.with_header("accept-encoding", "br");
    assert_eq!(encoding(brotli.get(&format!("/events/{event}/seats")).await), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn sold_seats_show_on_a_replica_that_did_not_sell_them() {
    let app = App::start().await;
    let other = Replica::of(&app).await;
    let event = app.event().await;
    let path = format!("/events/{event}/seats");
    let before = other.user.get(&path).await.expect(200);
    // As the projection of another replica does it.
    let sell = "WITH map AS (
            UPDATE event_service.seat_maps SET version = version + 1 RETURNING event_id, version
        ), sold AS (
            UPDATE event_service.seats SET status = 'SOLD', version = map.version
            FROM map WHERE seats.event_id = map.event_id AND seats.seat_number = 'A-1'
        )
        UPDATE event_service.event_grades SET seats_sold = 1 WHERE grade = 'VIP'";
    sqlx::query(sell).execute(&app.database().await).await.unwrap();
    let after = eventually("it shows", SOON, async || {
        let map = other.user.get(&path).await.expect(200);
        (map["version"] != before["version"]).then_some(map)
    })
    .await;
    let vip = &after["grades"][0];
    assert_eq!(
        (&vip["available"], &vip["seats"][0]["status"]),
        (&json!(1), &json!("SOLD"))
    );
    let delta = other.user.get(&format!("{path}?since=1")).await.expect(200);
    assert_eq!(delta["grades"][0]["seats"], json!([vip["seats"][0]]));
    let detail = other.public.get(&format!("/events/{event}")).await.expect(200);
    assert_eq!(detail["seatCounts"][0]["available"], 1);
}
