//! PUT /events/{id}/poster, with S3 as moto plays it.

use crate::helpers::{App, text};
use futures_util::future::join_all;
use http::Method;
use serde_json::Value;
use test_support::{Reply, TestEnv};
use uuid::Uuid;

/// A whole PNG as far as its frame tells, made longer by `padding`.
fn png(padding: usize) -> Vec<u8> {
    let mut image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x14\0\0\0\x1e\x08\x02\0\0\0....".to_vec();
    image.extend(vec![b'p'; padding]);
    image.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
    image
}

fn jpeg() -> Vec<u8> {
    let mut image = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 20, 0, 30, 1, 1, 0x11, 0];
    image.extend([0xFF, 0xDA, 0, 2, 1, 2, 3, 0xFF, 0xD9]);
    image
}

/// The service with a bucket of its own, and where that is.
async fn start() -> (App, String) {
    let (env, bucket) = TestEnv::new().await.with_bucket().await;
    (App::start_in(env).await, bucket)
}

async fn put(app: &App, event: &str, image: Vec<u8>) -> Reply {
    let path = format!("/events/{event}/poster");
    // What it claims to be is nobody's business.
    app.admin
        .send(Method::PUT, &path, Some(("application/octet-stream", image)))
        .await
}

/// What the bucket has: its names. S3 answers in XML.
async fn kept(bucket: &str) -> Vec<String> {
    let (base, name) = bucket.rsplit_once('/').unwrap();
    let everything = test_support::Api::new(base).get(&format!("/{name}")).await;
    let listing = text(&everything.expect(200));
    let keys = listing.split("<Key>").skip(1);
    keys.map(|rest| rest.split_once("</Key>").unwrap().0.to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_is_kept_under_a_name_of_its_own_and_the_old_one_goes() {
    let (app, bucket) = start().await;
    let event = app.event().await;
    let first = text(&put(&app, &event, png(0)).await.expect(200)["posterUrl"]);
    let prefix = format!("{bucket}/posters/{event}/");
    assert!(first.starts_with(&prefix) && first.ends_with(".png"), "{first}");
    let detail = app.public.get(&format!("/events/{event}")).await;
    assert_eq!(detail.header("etag"), Some("\"2\""));
    assert_eq!(detail.expect(200)["posterUrl"], first);
    assert_eq!(
        app.public.get("/events").await.expect(200)["content"][0]["posterUrl"],
        first
    );

    let second = text(&put(&app, &event, jpeg()).await.expect(200)["posterUrl"]);
    assert!(second.ends_with(".jpg"), "{second}");
    assert_eq!(
        kept(&bucket).await,
        [second.strip_prefix(&format!("{bucket}/")).unwrap()]
    );
    assert_eq!(
        app.public.get(&format!("/events/{event}")).await.expect(200)["posterUrl"],
        second
    );

    // The same image again is another upload: its name is never used again either.
    let third = text(&put(&app, &event, jpeg()).await.expect(200)["posterUrl"]);
    assert_ne!(third, second);
    assert_eq!(kept(&bucket).await.len(), 1);

    let told = "SELECT count(*) FROM common.outbox_events WHERE payload->'payload'->>'change' = 'UPDATED'";
    assert_eq!(app.count(told).await, 3);
    let audited: Vec<Value> = sqlx::query_scalar(
        "SELECT details FROM event_service.admin_audit_log WHERE action = 'CHANGED' ORDER BY created_at",
    )
    .fetch_all(&app.database().await)
    .await
    .unwrap();
    assert_eq!((audited.len(), &audited[0]["posterUrl"]), (3, &Value::String(first)));
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_keep_a_poster_for_ever() {
    let (app, bucket) = start().await;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}/*"}}]}}"#,
        bucket.rsplit('/').next().unwrap()
    );
    let s3 = test_support::Api::new(&bucket);
    let body = Some(("application/json", policy.into_bytes()));
    let _allowed = s3.send(Method::PUT, "?policy", body).await;
    let event = app.event().await;
    let image = png(3000);
    let url = text(&put(&app, &event, image.clone()).await.expect(200)["posterUrl"]);
    let shown = s3.open(url.strip_prefix(&bucket).unwrap()).await;
    let header = |name: &str| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type"), header("cache-control")),
        ("image/png".to_owned(), "public, max-age=31536000, immutable".to_owned())
    );
    assert_eq!(shown.bytes().await.unwrap(), image);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_poster_is_refused() {
    let (app, bucket) = start().await;
    let event = app.event().await;
    let cut_off = png(100)[..80].to_vec();
    for image in [
        b"GIF89a\x01\0\x01\0".to_vec(),
        b"<html></html>".to_vec(),
        Vec::new(),
        cut_off,
    ] {
        put(&app, &event, image)
            .await
            .expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let limit = 5 * 1024 * 1024;
    let frame = png(0).len();
    put(&app, &event, png(limit - frame + 1))
        .await
        .expect_problem(413, "PAYLOAD_TOO_LARGE");
    for (unknown, status, code) in [
        (Uuid::now_v7().to_string(), 404, "NOT_FOUND"),
        ("x".to_owned(), 400, "VALIDATION_FAILED"),
    ] {
        put(&app, &unknown, png(0)).await.expect_problem(status, code);
    }
    let path = format!("/events/{event}/poster");
    let body = || Some(("image/png", png(0)));
    let anybody = app.public.send(Method::PUT, &path, body()).await;
    anybody.expect_problem(401, "UNAUTHENTICATED");
    app.user
        .send(Method::PUT, &path, body())
        .await
        .expect_problem(403, "FORBIDDEN");
    assert!(kept(&bucket).await.is_empty());

    // The largest there may be.
    let _kept = put(&app, &event, png(limit - frame)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_s3_nothing_changes() {
    let env = TestEnv::new()
        .await
        .with("S3_ENDPOINT", "http://127.0.0.1:9")
        .with("S3_TIMEOUT_SECONDS", 3);
    let app = App::start_in(env).await;
    let event = app.event().await;
    put(&app, &event, png(0))
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
    let detail = app.public.get(&format!("/events/{event}")).await.expect(200);
    assert_eq!(
        (&detail["posterUrl"], &detail["version"]),
        (&Value::Null, &Value::from(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_at_once_the_concert_has_one_and_the_bucket_no_other() {
    let (app, bucket) = start().await;
    let event = app.event().await;
    let urls = join_all((0..6).map(|padding| put(&app, &event, png(padding)))).await;
    let urls: Vec<String> = urls
        .into_iter()
        .map(|reply| text(&reply.expect(200)["posterUrl"]))
        .collect();
    let shown = text(&app.public.get(&format!("/events/{event}")).await.expect(200)["posterUrl"]);
    assert!(urls.contains(&shown), "{shown}");
    assert_eq!(
        kept(&bucket).await,
        [shown.strip_prefix(&format!("{bucket}/")).unwrap()]
    );
}
