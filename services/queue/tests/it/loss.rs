//! Redis loses its memory while people wait.

use crate::{
    helpers::{Buyer, SOON, World, text},
    putting_off::ticked,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use test_support::{TestEnv, eventually};
use uuid::Uuid;

impl Buyer {
    pub(crate) fn with_ticket(&self, status: &Value) -> Self {
        Self {
            id: self.id,
            api: self.api.with_header("x-queue-ticket", &text(status, "queueTicket")),
        }
    }

    pub(crate) async fn status_of(&self, event: Uuid) -> Value {
        self.api
            .get(&format!("/queue/status?eventId={event}"))
            .await
            .expect(200)
    }
}

pub(crate) async fn forget_everything(world: &World) {
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut world.redis().await)
        .await
        .unwrap();
}

/// As if the pause after a loss, which is so many seconds long, were over.
async fn end_the_pause(world: &World, seconds: i64) {
    let mut redis = world.redis().await;
    let mark: String = redis::cmd("GET")
        .arg("queue:epoch")
        .query_async(&mut redis)
        .await
        .unwrap();
    let mut parts: Vec<String> = mark.split('|').map(str::to_owned).collect();
    let millis = |part: &str| part.parse::<i64>().unwrap();
    assert_eq!(millis(&parts[4]) - millis(&parts[3]), seconds * 1000, "{mark}");
    parts[4] = parts[3].clone();
    redis::cmd("SET")
        .arg("queue:epoch")
        .arg(parts.join("|"))
        .exec_async(&mut redis)
        .await
        .unwrap();
}

#[tokio::test]
async fn tickets_bring_back_the_order_and_admission_waits_for_them() {
    let world = World::with(&[("QUEUE_RECOVERY_PAUSE_SECONDS", "600"), ("MAX_ACTIVE", "1")]).await;
    let event = world.neighbours.event();
    let active = world.buyer();
    active.enter(event).await;
    let admitted = active.admitted().await;
    let mut line = Vec::new();
    for _ in 0..4 {
        let buyer = world.buyer();
        let status = buyer.enter(event).await;
        line.push((buyer.with_ticket(&status), status));
    }
    let ticketless = world.buyer();
    ticketless.enter(event).await;

    forget_everything(&world).await;
    // In the wrong order, and the one without a ticket first of all.
    ticketless.status_of(event).await;
    for (buyer, before) in line.iter().rev() {
        // Without a parameter, as a front end polls: the ticket says which line it was.
        let after = buyer.status().await.expect(200);
        assert_eq!(after["enteredAt"], before["enteredAt"]);
    }
    for (index, (buyer, _)) in line.iter().enumerate() {
        assert_eq!(buyer.status_of(event).await["position"], index + 1);
    }
    assert_eq!(ticketless.status_of(event).await["position"], 5, "goes last");
    assert_eq!(ticketless.status_of(event).await["estimatedWaitSeconds"], Value::Null);

    let restored = active.with_ticket(&admitted).status_of(event).await;
    assert_eq!(
        (&restored["queueToken"], &restored["tokenExpiresAt"]),
        (&admitted["queueToken"], &admitted["tokenExpiresAt"])
    );
    let valid = world.is_valid(&text(&restored, "queueToken"), active.id, event).await;
    assert_eq!(valid["valid"], true);

    active.leave().await;
    let first = &line[0].0;
    ticked(&world, event).await;
    assert_eq!(
        first.status().await.expect(200)["status"],
        "WAITING",
        "admission pauses"
    );
    end_the_pause(&world, 600).await;
    first.admitted().await;
    assert!(matches!(
        line[1].0.status().await.expect(200)["position"].as_u64(),
        Some(1)
    ));
}

#[tokio::test]
async fn a_new_event_does_not_pay_for_an_old_loss() {
    let world = World::with(&[("QUEUE_RECOVERY_PAUSE_SECONDS", "600")]).await;
    let old = world.neighbours.event();
    let waiting = world.buyer();
    waiting.enter(old).await;
    waiting.admitted().await;
    forget_everything(&world).await;
    eventually("the loss is noticed", SOON, || async {
        let mark: Option<String> = redis::cmd("GET")
            .arg("queue:epoch")
            .query_async(&mut world.redis().await)
            .await
            .unwrap();
        mark.filter(|text| text.starts_with("2|"))
    })
    .await;
    let buyer = world.buyer();
    buyer.enter(world.neighbours.event()).await;
    buyer.admitted().await;
    let late = world.buyer();
    late.enter(old).await;
    ticked(&world, old).await;
    assert_eq!(late.status().await.expect(200)["status"], "WAITING");
}

#[tokio::test]
async fn a_ticket_is_worth_nothing_without_a_loss_or_in_other_hands() {
    let world = World::new().await;
    let (event, buyer, thief) = (world.neighbours.event(), world.buyer(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    let status = buyer.enter(event).await;
    world.buyer().enter(event).await;
    buyer.leave().await;
    let back = buyer.with_ticket(&status);
    assert_eq!(back.status().await.expect_problem(404, "NOT_QUEUED")["reason"], "LEFT");
    assert_eq!(back.enter(event).await["position"], 2, "a new place, at the end");

    forget_everything(&world).await;
    world.buyer().enter(event).await;
    let stolen = thief.with_ticket(&status);
    assert_eq!(stolen.enter(event).await["position"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_notice_a_loss_together_begin_one_epoch() {
    let world = World::start(TestEnv::new().await, &[("ADMISSION_TICK_MILLIS", "5")], 4).await;
    let database = sqlx::PgPool::connect(&world.env.superuser_url()).await.unwrap();
    let epochs = || async {
        let rows: Vec<i64> = sqlx::query_scalar("SELECT epoch FROM queue_service.epochs ORDER BY epoch")
            .fetch_all(&database)
            .await
            .unwrap();
        rows
    };
    for epoch in 1..=3 {
        eventually("an epoch begins", SOON, || async {
            (epochs().await.len() == epoch).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(epochs().await.len(), epoch);
        forget_everything(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_seats_counts_as_inside_before_anybody_is_admitted() {
    let settings = [("QUEUE_RECOVERY_PAUSE_SECONDS", "1"), ("MAX_ACTIVE", "3")];
    let world = World::start(TestEnv::new().await, &settings, 2).await;
    let event = world.neighbours.event();
    let (with_ticket, silent, waiting) = (world.buyer(), world.buyer(), world.buyer());
    with_ticket.enter(event).await;
    let before = with_ticket.admitted().await;
    let ticketed = with_ticket.with_ticket(&before);
    let grant = text(
        &world
            .is_valid(&text(&before, "queueToken"), with_ticket.id, event)
            .await,
        "grantId",
    );
    world.neighbours.change(event, |facts| {
        facts.holders = vec![
            (with_ticket.id, grant.clone()),
            (silent.id, "grant-of-the-silent".to_owned()),
        ];
        // Nobody can be told who holds seats, at first.
        facts.unsold = None;
    });
    forget_everything(&world).await;
    let first = world.buyer();
    first.status_of(event).await;
    waiting.status_of(event).await;
    let lost_at = Instant::now();
    eventually("the pause is over", SOON, || async {
        (lost_at.elapsed() > Duration::from_millis(1500)).then_some(())
    })
    .await;
    assert_eq!(world.stats(event).await["active"], 0);
    world.neighbours.change(event, |facts| facts.unsold = Some(3000));

    // Three places: two holders, and so one of the two who wait.
    first.admitted().await;
    assert_eq!(world.stats(event).await["active"], 3);
    assert_eq!(waiting.status_of(event).await["status"], "WAITING");
    // The ticket brings back the token that was known before; without one there is a new token for the same place.
    let after = ticketed.status().await.expect(200);
    assert_eq!(after["queueToken"], before["queueToken"]);
    let valid = world.is_valid(&text(&after, "queueToken"), with_ticket.id, event).await;
    assert_eq!((&valid["valid"], &valid["grantId"]), (&json!(true), &json!(grant)));
    let status = silent.status().await.expect(200);
    let valid = world.is_valid(&text(&status, "queueToken"), silent.id, event).await;
    assert_eq!(valid["grantId"], "grant-of-the-silent");
    // Who leaves is not counted in again, and makes room.
    silent.leave().await;
    waiting.admitted().await;
}

/// As Redis would be after a second loss before anybody came back from the first.
async fn forget_twice(world: &World) {
    for epoch in ["2|", "3|"] {
        forget_everything(world).await;
        eventually("an epoch begins", SOON, || async {
            let mark: Option<String> = redis::cmd("GET")
                .arg("queue:epoch")
                .query_async(&mut world.redis().await)
                .await
                .unwrap();
            mark.filter(|text| text.starts_with(epoch))
        })
        .await;
    }
}

#[tokio::test]
async fn tickets_from_before_two_losses_and_a_long_outage_bring_the_order_back() {
    let world = World::with(&[("QUEUE_RECOVERY_PAUSE_SECONDS", "600"), ("QUEUE_GRACE_SECONDS", "5")]).await;
    let event = world.neighbours.event();
    let mut line = Vec::new();
    world.set(event, json!({"paused": true})).await;
    for _ in 0..3 {
        let buyer = world.buyer();
        let status = buyer.enter(event).await;
        line.push(buyer.with_ticket(&status));
    }
    forget_everything(&world).await;
    eventually("the first epoch after", SOON, || async {
        let rows = sqlx::PgPool::connect(&world.env.superuser_url()).await.unwrap();
        // The outage took an hour: that is how old the tickets are when Redis is there again, and at once lost once more.
        let moved = sqlx::query(
            "UPDATE queue_service.epochs SET began_at = began_at + interval '1 hour', last_alive_at = began_at + interval '1 hour' \
             WHERE epoch = 2",
        )
        .execute(&rows)
        .await
        .unwrap();
        (moved.rows_affected() == 1).then_some(())
    })
    .await;
    forget_everything(&world).await;
    for buyer in line.iter().rev() {
        buyer.status_of(event).await;
    }
    for (index, buyer) in line.iter().enumerate() {
        assert_eq!(buyer.status_of(event).await["position"], index + 1);
    }
}

#[tokio::test]
async fn who_left_or_was_passed_over_does_not_come_back_by_an_old_ticket() {
    let world = World::with(&[("QUEUE_RECOVERY_PAUSE_SECONDS", "600"), ("QUEUE_GRACE_SECONDS", "5")]).await;
    let event = world.neighbours.event();
    world.set(event, json!({"paused": true})).await;
    let (left, silent, back) = (world.buyer(), world.buyer(), world.buyer());
    let leaver = left.with_ticket(&left.enter(event).await);
    let silenced = silent.with_ticket(&silent.enter(event).await);
    let older = back.with_ticket(&back.enter(event).await);
    left.leave().await;
    back.leave().await;
    let newer = back.with_ticket(&back.enter(event).await);
    let watcher = world.buyer();
    watcher.enter(event).await;
    eventually("the silent one is passed over", SOON, || async {
        newer.status_of(event).await;
        watcher.status_of(event).await;
        (world.stats(event).await["evicted"] == 1).then_some(())
    })
    .await;
    // Until the database knows that all was well after that; who waits goes on polling.
    let database = sqlx::PgPool::connect(&world.env.superuser_url()).await.unwrap();
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut world.redis().await).await.unwrap();
    let passed_over = chrono::DateTime::from_timestamp_micros(seconds * 1_000_000 + micros);
    eventually("the database knows of a time after that", SOON, || async {
        newer.status_of(event).await;
        watcher.status_of(event).await;
        let known: bool = sqlx::query_scalar("SELECT max(last_alive_at) > $1 FROM queue_service.epochs")
            .bind(passed_over)
            .fetch_one(&database)
            .await
            .unwrap();
        known.then_some(())
    })
    .await;
    let fresh = newer.with_ticket(&newer.status_of(event).await);
    forget_twice(&world).await;
    let reply = leaver.api.get(&format!("/queue/status?eventId={event}")).await;
    assert_eq!(reply.expect_problem(404, "NOT_QUEUED")["reason"], "LEFT");
    silenced.status().await.expect_problem(404, "NOT_QUEUED");
    older.status().await.expect_problem(404, "NOT_QUEUED");
    assert_eq!(
        fresh.status_of(event).await["position"],
        1,
        "the place after the leave is another one"
    );
    // Entering is a wish of its own, for a place at the end.
    assert_eq!(leaver.enter(event).await["position"], 2);
}

#[tokio::test]
async fn who_comes_back_when_the_places_are_taken_stands_in_front() {
    let settings = [("QUEUE_RECOVERY_PAUSE_SECONDS", "1"), ("MAX_ACTIVE", "1")];
    let world = World::with(&settings).await;
    let event = world.neighbours.event();
    let (late, prompt, behind) = (world.buyer(), world.buyer(), world.buyer());
    late.enter(event).await;
    let admitted = late.admitted().await;
    let prompt = prompt.with_ticket(&prompt.enter(event).await);
    let behind = behind.with_ticket(&behind.enter(event).await);
    forget_everything(&world).await;
    prompt.status_of(event).await;
    behind.status_of(event).await;
    prompt.admitted().await;
    let late = late.with_ticket(&admitted);
    assert_eq!(late.status_of(event).await["position"], 1);
    assert_eq!(behind.status_of(event).await["position"], 2);
    assert_eq!(world.stats(event).await["active"], 1, "never more than the cap");
    prompt.leave().await;
    let again = late.admitted().await;
    assert_ne!(again["queueToken"], admitted["queueToken"], "another admission");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_do_not_let_anybody_in_faster() {
    const RATE: u32 = 20;
    let settings = [("QUEUE_RECOVERY_PAUSE_SECONDS", "0.5"), ("ADMISSION_TICK_MILLIS", "10")];
    let world = World::start(TestEnv::new().await, &settings, 3).await;
    let event = world.neighbours.event();
    world.set(event, json!({"admissionPerSecond": RATE})).await;
    let began = Instant::now();
    let mut line = Vec::new();
    for number in 0..90 {
        let buyer = world.buyer_at(number % 3);
        let status = buyer.enter(event).await;
        line.push(buyer.with_ticket(&status));
    }
    let mut admitted = std::collections::HashSet::new();
    for _ in 0..3 {
        forget_everything(&world).await;
        for (number, buyer) in line.iter_mut().enumerate() {
            let status = buyer.status_of(event).await;
            if let Some(token) = status["queueToken"].as_str() {
                admitted.insert((number, token.to_owned()));
            }
            *buyer = buyer.with_ticket(&status);
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    // The bucket of before the losses is full at first, for two seconds' worth.
    let most = began.elapsed().as_secs_f64() * f64::from(RATE) + 2.0 * f64::from(RATE);
    let told = f64::from(u32::try_from(admitted.len()).unwrap());
    assert!(told <= most, "{told} > {most}");
    let people: std::collections::HashSet<usize> = admitted.iter().map(|(number, _)| *number).collect();
    assert_eq!(
        people.len(),
        admitted.len(),
        "whoever was told of an admission keeps it and its token"
    );
}
