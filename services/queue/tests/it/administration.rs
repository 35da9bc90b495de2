use crate::helpers::{SOON, World};
use serde_json::{Value, json};
use sqlx::PgPool;
use test_support::{Running, eventually};
use uuid::Uuid;

#[tokio::test]
async fn settings_are_partial_live_durable_and_audited() {
    let world = World::new().await;
    let (event, admin_id) = (world.neighbours.event(), Uuid::now_v7());
    let admin = world.gateway().as_admin(admin_id);
    let path = format!("/queue/admin/events/{event}");
    let defaults = json!({"eventId": event, "admissionPerSecond": 10, "maxActive": 6000, "paused": false});
    assert_eq!(admin.put(&path, &json!({})).await.expect(200), defaults);
    let changed = admin.put(&path, &json!({"admissionPerSecond": 25})).await.expect(200);
    assert_eq!(
        (&changed["admissionPerSecond"], &changed["maxActive"]),
        (&json!(25), &json!(15_000))
    );
    let changed = admin
        .put(&path, &json!({"paused": true, "maxActive": 7}))
        .await
        .expect(200);
    assert_eq!(
        changed,
        json!({"eventId": event, "admissionPerSecond": 25, "maxActive": 7, "paused": true})
    );

    // Another process, with a Redis that lost everything, still knows.
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut world.redis().await)
        .await
        .unwrap();
    let config = queue_service::Config::from_env(&world.env.env(Some(test_support::Login::Queue))).unwrap();
    let other = Running::start(queue_service::build(config).await.unwrap());
    let stats = test_support::Api::as_gateway(&other.url())
        .as_admin(admin_id)
        .get(&format!("/queue/admin/stats?eventId={event}"))
        .await
        .expect(200);
    assert_eq!((&stats["paused"], &stats["maxActive"]), (&json!(true), &json!(7)));

    let database = PgPool::connect(&world.env.superuser_url()).await.unwrap();
    let audit: Vec<(Uuid, String, Uuid, Value)> = sqlx::query_as(
        "SELECT admin_id, action, target_id, details FROM queue_service.admin_audit_log ORDER BY created_at",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    let unset = json!({"admissionPerSecond": null, "maxActive": null, "paused": false});
    let faster = json!({"admissionPerSecond": 25, "maxActive": null, "paused": false});
    let entry = |details| (admin_id, "QUEUE_SETTINGS_CHANGED".to_owned(), event, details);
    assert_eq!(
        audit,
        [
            entry(json!({"before": unset, "after": faster})),
            entry(json!({"before": faster, "after": {"admissionPerSecond": 25, "maxActive": 7, "paused": true}}))
        ]
    );
}

#[tokio::test]
async fn statistics_count_what_happened() {
    let world = World::with(&[("MAX_ACTIVE", "2")]).await;
    let event = world.neighbours.event();
    let buyers: Vec<_> = (0..5).map(|_| world.buyer()).collect();
    for buyer in &buyers {
        buyer.enter(event).await;
    }
    buyers[0].admitted().await;
    buyers[1].admitted().await;
    buyers[4].leave().await;
    let stats = eventually("the counts", SOON, || async {
        let stats = world.stats(event).await;
        (stats["waiting"] == 2).then_some(stats)
    })
    .await;
    for (field, expected) in [
        ("active", json!(2)),
        ("admitted", json!(2)),
        ("left", json!(1)),
        ("expired", json!(0)),
        ("evicted", json!(0)),
        ("admissionPerSecond", json!(10)),
        ("maxActive", json!(2)),
        ("paused", json!(false)),
    ] {
        assert_eq!(stats[field], expected, "{field}");
    }
    assert!(stats["measuredPerSecond"].is_number() && stats["oldestWaitSeconds"].is_number());
    eventually("the metrics show it", SOON, || async {
        let metrics = test_support::Api::new(&world.replicas[0].url()).get("/metrics").await;
        let line = format!("queue_active{{event=\"{event}\"}} 2");
        metrics.expect(200).as_str().unwrap().contains(&line).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_line_that_nobody_came_to_has_numbers_too() {
    let world = World::new().await;
    let event = world.neighbours.event();
    assert_eq!(
        world.stats(event).await,
        json!({
            "eventId": event, "waiting": 0, "active": 0, "admitted": 0, "expired": 0, "left": 0, "evicted": 0,
            "admissionPerSecond": 10, "measuredPerSecond": 0.0, "maxActive": 6000, "paused": false, "oldestWaitSeconds": 0,
            "lastPlaceEtaSeconds": 0,
        })
    );
}

#[tokio::test]
async fn the_numbers_of_a_line_that_another_replica_ended_do_not_stand_for_ever() {
    let world = World::new().await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    buyer.enter(event).await;
    buyer.admitted().await;
    let shows = |line: String, is_there: bool| {
        let world = &world;
        async move {
            eventually(&format!("{line} in /metrics: {is_there}"), SOON, || async {
                let metrics = test_support::Api::new(&world.replicas[0].url()).get("/metrics").await;
                (metrics.expect(200).as_str().unwrap().contains(&line) == is_there).then_some(())
            })
            .await;
        }
    };
    shows(format!("queue_active{{event=\"{event}\"}} 1"), true).await;
    // As the other replica does when the place has ended.
    redis::cmd("ZREM")
        .arg("queue:live")
        .arg(event.to_string())
        .exec_async(&mut world.redis().await)
        .await
        .unwrap();
    shows(format!("queue_active{{event=\"{event}\"}}"), false).await;
}

#[tokio::test]
async fn administrators_see_all_lines_and_how_the_service_is_doing() {
    let world = World::new().await;
    let (short, long) = (world.neighbours.event(), world.neighbours.event());
    for event in [short, long] {
        let path = format!("/queue/admin/events/{event}");
        let _paused = world.admin().put(&path, &json!({"paused": true})).await.expect(200);
    }
    for event in [short, long, long] {
        world.buyer().enter(event).await;
    }
    let stats = eventually("both lines, the longer one first", SOON, || async {
        let stats = world.admin().get("/queue/admin/lines").await.expect(200);
        let lines: Vec<_> = stats["lines"]
            .as_array()?
            .iter()
            .map(|line| (line["eventId"].clone(), line["waiting"].clone(), line["paused"].clone()))
            .collect();
        let expected = [
            (json!(long), json!(2), json!(true)),
            (json!(short), json!(1), json!(true)),
        ];
        (lines == expected).then_some(stats)
    })
    .await;
    let process = &stats["process"];
    assert!(
        process["instance"].is_string() && process["breakers"].is_array(),
        "{process}"
    );
    let pools = process["pools"].as_array().unwrap();
    assert!(pools.iter().any(|pool| pool["name"] == "requests"), "{process}");

    let path = "/queue/admin/lines";
    world.gateway().get(path).await.expect_problem(401, "UNAUTHENTICATED");
    world.buyer().api.get(path).await.expect_problem(403, "FORBIDDEN");
}
