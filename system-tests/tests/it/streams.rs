use serde_json::{Value, json};
use std::time::Duration;
use system_tests::{Buyer, System};

/// Reads a stream until an event of that name, and gives its data.
pub(crate) async fn until(reply: &mut reqwest::Response, name: &str) -> Value {
    let mut read = String::new();
    let wanted = format!("event: {name}\n");
    tokio::time::timeout(Duration::from_secs(90), async {
        loop {
            let complete = read.split_inclusive("\n\n").filter(|block| block.ends_with("\n\n"));
            if let Some(block) = complete.into_iter().find(|block| block.contains(&wanted)) {
                let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                return serde_json::from_str(data.expect("an event has data")).expect("JSON");
            }
            let chunk = reply.chunk().await.expect("the stream is readable");
            read += std::str::from_utf8(&chunk.expect("the stream goes on")).expect("text");
        }
    })
    .await
    .expect("the event comes")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_never_polls_is_admitted_through_the_stream() {
    let settings = [("QUEUE_STREAM_TICK_MILLIS", "50"), ("QUEUE_STREAM_POLL_SECONDS", "1")];
    let system = System::start_with(&settings).await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let _place = buyer
        .api()
        .post("/queue/enter", &json!({"eventId": sale.event_id}))
        .await
        .expect(200);
    let path = format!("/queue/stream?eventId={}", sale.event_id);
    let mut stream = buyer.api().with_header("accept-encoding", "gzip, br").open(&path).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert!(
        !stream.headers().contains_key("content-encoding"),
        "a compressor would hold events back"
    );
    let admitted = until(&mut stream, "admitted").await;
    let token = admitted["queueToken"].as_str().expect("a token");

    let seats = buyer.free_seats(&sale, 2).await;
    let hold = buyer.hold(&sale, token, &seats).await;
    let _payment = buyer.pay(&hold).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    // The confirmed reservation ends the place, as soon as the queue hears of it, and the stream says so.
    let closed = until(&mut stream, "closed").await;
    assert_eq!(closed["eventId"], json!(sale.event_id));
    let refused = buyer.api().get(&path).await;
    refused.expect_problem(404, "NOT_QUEUED");
    system.audit().await;
}
