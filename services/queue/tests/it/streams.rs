use crate::helpers::{Buyer, SOON, World, text};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// An open stream, read event by event.
pub(crate) struct Stream {
    reply: reqwest::Response,
    unread: String,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Stream {
    pub(crate) async fn open(buyer: &Buyer, event: Uuid) -> Self {
        let reply = buyer.api.open(&format!("/queue/stream?eventId={event}")).await;
        assert_eq!(reply.status().as_u16(), 200);
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        Self {
            reply,
            unread: String::new(),
        }
    }

    /// The next event, or nothing when the stream has ended.
    async fn next(&mut self) -> Option<Told> {
        tokio::time::timeout(SOON, async {
            loop {
                if let Some((block, rest)) = self.unread.split_once("\n\n") {
                    let (block, rest) = (block.to_owned(), rest.to_owned());
                    self.unread = rest;
                    let field = |name: &str| {
                        let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                        lines.map(str::trim_start).collect::<String>()
                    };
                    if field("event:").is_empty() {
                        continue;
                    }
                    return Some(Told {
                        name: field("event:"),
                        id: field("id:"),
                        data: serde_json::from_str(&field("data:")).unwrap(),
                    });
                }
                let chunk = self.reply.chunk().await.unwrap()?;
                self.unread += std::str::from_utf8(&chunk).unwrap();
            }
        })
        .await
        .expect("an event")
    }

    pub(crate) async fn expect(&mut self, name: &str) -> Told {
        let told = self.next().await.expect("the stream goes on");
        assert_eq!(told.name, name, "{told:?}");
        told
    }
}

/// Quick snapshots and rare polls: what is seen soon comes from the snapshots.
async fn world(settings: &[(&str, &str)]) -> World {
    let quick = [("QUEUE_STREAM_TICK_MILLIS", "20"), ("QUEUE_STREAM_POLL_SECONDS", "600")];
    World::with(&[&quick, settings].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_forward_and_the_admission_are_told_as_they_happen() {
    let world = world(&[]).await;
    let event = world.neighbours.event();
    world.set(event, json!({"paused": true})).await;
    let buyers = [world.buyer(), world.buyer(), world.buyer()];
    for buyer in &buyers {
        buyer.enter(event).await;
    }
    let last = &buyers[2];
    let mut stream = Stream::open(last, event).await;
    let first = stream.expect("position").await;
    assert_eq!(
        (&first.data["position"], &first.data["totalWaiting"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(first.data["queueTicket"], first.id);

    buyers[0].leave().await;
    assert_eq!(stream.expect("position").await.data["position"], 2);
    buyers[1].leave().await;
    assert_eq!(stream.expect("position").await.data["position"], 1);

    world.set(event, json!({"paused": false})).await;
    let admitted = stream.expect("admitted").await;
    assert_eq!(admitted.data["status"], "ADMITTED");
    let polled = last.status().await.expect(200);
    assert_eq!(
        polled["queueToken"], admitted.data["queueToken"],
        "the same as polling gives"
    );
    let answer = world
        .is_valid(&text(&admitted.data, "queueToken"), last.id, event)
        .await;
    assert_eq!(answer["valid"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_refused_to_who_is_not_in_line() {
    let world = world(&[]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    let path = format!("/queue/stream?eventId={event}");
    buyer.api.get(&path).await.expect_problem(404, "NOT_QUEUED");
    buyer.api.get("/queue/stream").await.expect_problem(404, "NOT_QUEUED");
    buyer.enter(event).await;
    buyer.leave().await;
    let problem = buyer.api.get(&path).await.expect_problem(404, "NOT_QUEUED");
    assert_eq!(problem["reason"], "LEFT");
    buyer
        .api
        .get("/queue/stream?eventId=x")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_place_ends_the_stream_with_its_reason() {
    let world = world(&[("QUEUE_STREAM_POLL_SECONDS", "0.2")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    buyer.enter(event).await;
    let mut stream = Stream::open(&buyer, event).await;
    stream.expect("position").await;
    buyer.leave().await;
    assert_eq!(stream.expect("closed").await.data["reason"], "LEFT");
    assert!(stream.next().await.is_none(), "nothing follows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_place_that_ends_is_told_when_it_does() {
    let world = world(&[("QUEUE_TOKEN_TTL_SECONDS", "1")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    buyer.enter(event).await;
    let mut stream = Stream::open(&buyer, event).await;
    let mut told = stream.next().await.expect("an event");
    if told.name == "position" {
        told = stream.expect("admitted").await;
    }
    assert_eq!(told.name, "admitted");
    assert_eq!(stream.expect("closed").await.data["reason"], "EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_the_place_as_polling_does() {
    let world = world(&[("QUEUE_STREAM_POLL_SECONDS", "0.3"), ("QUEUE_GRACE_SECONDS", "3")]).await;
    let event = world.neighbours.event();
    let (silent, watching) = (world.buyer(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    silent.enter(event).await;
    watching.enter(event).await;
    let mut stream = Stream::open(&watching, event).await;
    assert_eq!(stream.expect("position").await.data["position"], 2);
    // The silent one is evicted, and only that moves the one who watches; meanwhile each event brings a fresh ticket.
    while stream.expect("position").await.data["position"] != 1 {}
    // Who watches came at the same time as the silent one, and would go the same way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.stats(event).await["waiting"], 1, "nobody who watches is silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_lost_with_redis_comes_back_within_the_stream_and_by_last_event_id() {
    let world = world(&[
        ("QUEUE_STREAM_POLL_SECONDS", "0.2"),
        ("QUEUE_RECOVERY_PAUSE_SECONDS", "30"),
    ])
    .await;
    let event = world.neighbours.event();
    let (first, second) = (world.buyer(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    first.enter(event).await;
    let before = second.enter(event).await;
    let mut stream = Stream::open(&second, event).await;
    let told = stream.expect("position").await;
    redis::cmd("FLUSHDB")
        .exec_async(&mut world.redis().await)
        .await
        .unwrap();
    // The stream's own polls bring the place back; whether the place number changes meanwhile does not matter.
    test_support::eventually("the place is restored", SOON, || async {
        let stats = world.stats(event).await;
        (stats["waiting"] == 1).then_some(())
    })
    .await;
    let status = second.status().await.expect(200);
    assert_eq!(status["enteredAt"], before["enteredAt"]);
    drop(stream);

    redis::cmd("FLUSHDB")
        .exec_async(&mut world.redis().await)
        .await
        .unwrap();
    let ticket = text(&status, "queueTicket");
    let returning = Buyer {
        api: second.api.with_header("last-event-id", &ticket),
        ..second.clone()
    };
    let mut stream = Stream::open(&returning, event).await;
    assert_eq!(stream.expect("position").await.data["enteredAt"], before["enteredAt"]);
    assert!(!told.id.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_streams_at_once() {
    let mut world = world(&[("SHUTDOWN_GRACE_SECONDS", "20")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    buyer.enter(event).await;
    let mut stream = Stream::open(&buyer, event).await;
    stream.expect("position").await;
    let began = std::time::Instant::now();
    let (ended, ()) = tokio::join!(stream.next(), world.replicas.remove(0).stop());
    assert!(ended.is_none());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_does_not_outlast_its_time() {
    let world = world(&[("QUEUE_STREAM_MAX_SECONDS", "0.5")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    buyer.enter(event).await;
    let mut stream = Stream::open(&buyer, event).await;
    stream.expect("position").await;
    assert!(
        stream.next().await.is_none(),
        "it ends without a word, to be opened again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_too_many_closes_the_oldest_and_says_that_the_place_goes_on() {
    let world = world(&[]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    buyer.enter(event).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = Stream::open(&buyer, event).await;
        stream.expect("position").await;
        streams.push(stream);
    }
    let mut oldest = streams.remove(0);
    assert_eq!(oldest.expect("closed").await.data["reason"], "REPLACED");
    assert!(oldest.next().await.is_none());
    buyer.leave().await;
    for mut stream in streams {
        assert_eq!(
            stream.expect("closed").await.data["reason"],
            "LEFT",
            "the others went on"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_news_is_not_silent() {
    let world = world(&[("QUEUE_STREAM_HEARTBEAT_SECONDS", "0.1")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    buyer.enter(event).await;
    let mut stream = Stream::open(&buyer, event).await;
    stream.expect("position").await;
    let heartbeat = tokio::time::timeout(SOON, stream.reply.chunk()).await.unwrap();
    // On a busy machine several are read at once.
    let heartbeats = heartbeat.unwrap().unwrap();
    assert!(!heartbeats.is_empty());
    assert!(
        heartbeats.chunks(3).all(|heartbeat| heartbeat == b":\n\n"),
        "comments, which clients skip: {heartbeats:?}"
    );
}
