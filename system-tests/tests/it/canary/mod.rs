//! No personal data and no token stands in the clear in any log, metric, Redis value or column (`design.md` §11): a buyer
//! whose data occurs nowhere else makes a whole journey, and then everything that the system has written is searched for it,
//! in every spelling.

mod journey;
mod places;
mod spellings;

use journey::Journey;
use places::{Place, everywhere};
use serde_json::json;
use spellings::Search;
use system_tests::System;

/// What was found where.
fn leaks(search: &Search, places: &[Place]) -> Vec<String> {
    let found = places.iter().flat_map(|place| {
        let hits = search.hits(&place.text, place.kind);
        hits.into_iter().map(move |hit| format!("{hit} in {}", place.name))
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_data_and_no_token_is_written_anywhere_in_the_clear() {
    // More than production ever logs.
    let system = System::start_with(&[("LOG_LEVEL", "debug,rdkafka=info,h2=info")]).await;
    let mut journey = Journey::begin(&system).await;
    journey.buy(&system).await;
    let search = Search::for_all(journey.secrets());

    let places = everywhere(&system).await;
    assert!(
        places.iter().any(|place| place.text.contains("request handled")),
        "the logs are there"
    );
    for table in [
        "user_service.users",
        "reservation_service.reservations",
        "common.outbox_events",
    ] {
        let place = places.iter().find(|place| place.name == table);
        assert!(
            place.is_some_and(|place| !place.text.is_empty()),
            "{table} is there and not empty"
        );
    }
    assert_eq!(
        leaks(&search, &places),
        Vec::<String>::new(),
        "the logs are in {}",
        system.logs()
    );

    journey.delete_the_account().await;
    let search = Search::for_all(journey.secrets());
    assert_eq!(leaks(&search, &everywhere(&system).await), Vec::<String>::new());

    plant(&system, &journey).await;
    let found = leaks(&search, &everywhere(&system).await).join("\n");
    for leak in [
        "the phone in gateway.log",
        "the email in user_service.admin_audit_log",
        "the CI in event_service.venues",
        "the name in Redis planted:hash",
        "an access token in Redis planted:zset",
    ] {
        assert!(found.contains(leak), "{leak} is missed; found:\n{found}");
    }
}

/// Leaks of every kind, to see that they are found.
async fn plant(system: &System, journey: &Journey) {
    let person = &journey.person;
    // A client may choose the id of its request, which is logged.
    let api = system.gateway().with_header("x-request-id", &person.phone);
    let _terms = api.get("/terms").await.expect(200);

    let db = sqlx::PgPool::connect(&system.env().superuser_url()).await.unwrap();
    let inside = format!("seen: {}", spellings::base64(&format!("<{}>", person.email)));
    sqlx::query(
        "insert into user_service.admin_audit_log (id, action, target_id, details)
         values (gen_random_uuid(), 'PLANTED', gen_random_uuid(), $1)",
    )
    .bind(json!({ "note": inside }))
    .execute(&db)
    .await
    .unwrap();
    sqlx::query("update event_service.venues set address = encode(convert_to($1, 'UTF8'), 'hex')")
        .bind(&person.ci)
        .execute(&db)
        .await
        .unwrap();
    let mut redis = test_support::connect_redis(system.env().redis_url()).await;
    let name = spellings::percent(&person.name);
    let () = redis::cmd("HSET")
        .arg("planted:hash")
        .arg("field")
        .arg(name)
        .query_async(&mut redis)
        .await
        .unwrap();
    let token = journey.last_access_token();
    let () = redis::cmd("ZADD")
        .arg("planted:zset")
        .arg(1)
        .arg(token)
        .query_async(&mut redis)
        .await
        .unwrap();
}
