use crate::helpers::{App, uuid};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use test_support::TestEnv;
use uuid::Uuid;

#[tokio::test]
async fn a_buyer_lists_only_their_own_newest_first() {
    let app = App::start().await;
    let buyer = app.buyer();
    let first = buyer.hold(&[1]).await;
    let _ = buyer
        .api
        .delete(&format!("/reservations/hold/{first}"))
        .await
        .expect(204);
    let second = buyer.hold(&[2, 3]).await;
    app.buyer().hold(&[4]).await;

    let ids = |page: &Value| -> Vec<Uuid> {
        page["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| uuid(&item["reservationId"]))
            .collect()
    };
    let all = buyer.api.get("/reservations").await.expect(200);
    assert_eq!(ids(&all), [second, first]);
    assert_eq!(
        (&all["totalElements"], &all["totalPages"], &all["size"]),
        (&json!(2), &json!(1), &json!(20))
    );
    assert_eq!(all["content"][0]["seats"].as_array().unwrap().len(), 2);
    let page = buyer.api.get("/reservations?page=1&size=1").await.expect(200);
    assert_eq!((ids(&page), &page["totalPages"]), (vec![first], &json!(2)));
    let pending = buyer.api.get("/reservations?status=PENDING").await.expect(200);
    assert_eq!(ids(&pending), [second]);

    for query in ["size=0", "size=101", "status=OPEN", "page=-1", "colour=red"] {
        buyer
            .api
            .get(&format!("/reservations?{query}"))
            .await
            .expect_problem(400, "VALIDATION_FAILED");
    }
    app.buyer()
        .api
        .get(&format!("/reservations/{second}"))
        .await
        .expect_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn who_waits_hears_of_a_change_at_once() {
    // Neither looking again nor the end of the wait comes so soon that it could be taken for hearing.
    let app = App::start_in(TestEnv::new().await.with("LONG_POLL_RECHECK_SECONDS", 60)).await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    let path = format!("/reservations/{id}?wait=25");
    let started = Instant::now();
    let (shown, ()) = tokio::join!(buyer.api.get(&path), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = buyer.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);
    });
    assert_eq!(shown.expect(200)["status"], "CANCELLED");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());

    // Settled: nothing to wait for.
    let started = Instant::now();
    let _ = buyer.api.get(&path).await.expect(200);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn who_waits_also_sees_what_another_replica_did_and_is_answered_in_the_end() {
    let app = App::start_in(TestEnv::new().await.with("LONG_POLL_RECHECK_SECONDS", 0.1)).await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    let started = Instant::now();
    let shown = buyer.api.get(&format!("/reservations/{id}?wait=1")).await.expect(200);
    assert_eq!(shown["status"], "PENDING");
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());

    let path = format!("/reservations/{id}?wait=20");
    let (shown, ()) = tokio::join!(buyer.api.get(&path), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Behind this process's back.
        app.confirm(id).await;
    });
    assert_eq!(shown.expect(200)["status"], "CONFIRMED");
    buyer
        .api
        .get(&format!("/reservations/{id}?wait=31"))
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn the_catalogue_is_read_once_for_many() {
    let app = App::start().await;
    let path = format!("/reservations/seats/{}", app.event_id);
    let buyer = app.buyer();
    let calls = (0..20).map(|_| buyer.api.get(&path));
    for call in calls {
        let _ = call.await.expect(200);
    }
    assert_eq!(app.neighbours.known().catalogue_reads, 1);
    let unknown = format!("/reservations/seats/{}", Uuid::now_v7());
    buyer.api.get(&unknown).await.expect_problem(404, "EVENT_NOT_FOUND");
}

#[tokio::test]
async fn the_document_describes_every_public_endpoint() {
    let app = App::start().await;
    let document = buyer_document(&app).await;
    let mut operations: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(move |method| format!("{method} {path}"))
        })
        .collect();
    operations.sort_unstable();
    assert_eq!(
        operations,
        [
            "delete /reservations/hold/{id}",
            "delete /reservations/{id}",
            "get /reservations",
            "get /reservations/admin/stats",
            "get /reservations/seats/{eventId}",
            "get /reservations/{id}",
            "post /reservations/hold",
            "post /reservations/hold/{id}/payment-token",
            "put /reservations/hold/{id}",
        ]
    );
    let statuses = document["paths"]["/reservations/hold"]["post"]["responses"]
        .as_object()
        .unwrap();
    let statuses: Vec<&String> = statuses.keys().collect();
    assert_eq!(
        statuses,
        [
            "200", "201", "400", "401", "403", "404", "409", "413", "415", "422", "500", "503"
        ]
    );
}

async fn buyer_document(app: &App) -> Value {
    test_support::Api::new(&app.running.url())
        .get("/openapi.json")
        .await
        .expect(200)
}
