use crate::helpers::{App, id, text, time, with};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn titles(page: &Value) -> Vec<String> {
    page["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| text(&event["title"]))
        .collect()
}

/// Three concerts: in Seoul on sale, in Busan not yet, in Seoul no longer.
async fn season(app: &App) -> [String; 2] {
    let (seoul, busan) = (app.venue_in("Seoul").await, app.venue_in("부산").await);
    let (in_seoul, in_busan) = (app.hall_in(&seoul, 2).await, app.hall_in(&busan, 2).await);
    let now = app.clock.now();
    let event = |hall: &str, title: &str, artist: &str| {
        with(
            with(app.event_body(hall), "title", json!(title)),
            "artist",
            json!(artist),
        )
    };
    app.event_with(event(&in_seoul, "Bright", "Gamma")).await;
    let mut upcoming = event(&in_busan, "Autumn", "소녀 밴드");
    for (field, days) in [
        ("saleStartAt", 1),
        ("saleEndAt", 39),
        ("eventStartAt", 40),
        ("eventEndAt", 41),
    ] {
        upcoming[field] = json!(time(now + TimeDelta::days(days)));
    }
    app.event_with(upcoming).await;
    let mut ended = event(&in_seoul, "Cold 100%", "Alpha");
    for (field, days) in [
        ("saleStartAt", -9),
        ("saleEndAt", -1),
        ("eventStartAt", 1),
        ("eventEndAt", 2),
    ] {
        ended[field] = json!(time(now + TimeDelta::days(days)));
    }
    app.event_with(ended).await;
    [seoul, busan]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_what_a_buyer_chooses_by() {
    let app = App::start().await;
    let event = app.event().await;
    let page = app.public.get("/events").await.expect(200);
    let summary = &page["content"][0];
    let detail = app.public.get(&format!("/events/{event}")).await.expect(200);
    let fields = [
        "id",
        "title",
        "artist",
        "venueId",
        "venueName",
        "city",
        "hallName",
        "eventStartAt",
        "eventEndAt",
        "saleStartAt",
        "saleEndAt",
        "status",
        "minPrice",
        "maxPrice",
        "posterUrl",
    ];
    assert_eq!(summary.as_object().unwrap().len(), fields.len());
    for field in fields {
        assert_eq!(summary[field], detail[field], "{field}");
    }
    assert_eq!((id(summary), &page["totalElements"]), (event, &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_the_list() {
    let app = App::start().await;
    let [_, busan] = season(&app).await;
    let now = app.clock.now();
    let in_days = |days| time(now + TimeDelta::days(days));
    let cases = [
        ("status=UPCOMING".to_owned(), vec!["Autumn"]),
        ("status=ONGOING".to_owned(), vec!["Bright"]),
        ("status=ENDED".to_owned(), vec!["Cold 100%"]),
        ("status=CANCELLED".to_owned(), vec![]),
        ("city=Seoul".to_owned(), vec!["Cold 100%", "Bright"]),
        ("city=%EB%B6%80%EC%82%B0".to_owned(), vec!["Autumn"]),
        ("city=Paris".to_owned(), vec![]),
        (format!("venueId={busan}"), vec!["Autumn"]),
        ("q=bRIGH".to_owned(), vec!["Bright"]),
        ("q=alph".to_owned(), vec!["Cold 100%"]),
        ("q=%EB%85%80%20%EB%B0%B4".to_owned(), vec!["Autumn"]),
        ("q=0%25".to_owned(), vec!["Cold 100%"]),
        ("q=%25".to_owned(), vec!["Cold 100%"]),
        ("q=_".to_owned(), vec![]),
        ("q=%5C".to_owned(), vec![]),
        (format!("from={}", in_days(20)), vec!["Bright", "Autumn"]),
        (format!("to={}", in_days(20)), vec!["Cold 100%"]),
        (
            format!("from={}&to={}&city=Seoul&status=ONGOING&q=a", in_days(20), in_days(35)),
            vec!["Bright"],
        ),
    ];
    for (query, expected) in cases {
        let page = app.public.get(&format!("/events?{query}")).await.expect(200);
        assert_eq!(titles(&page), expected, "{query}");
        assert_eq!(page["totalElements"], expected.len(), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_sorted_and_paged() {
    let app = App::start().await;
    season(&app).await;
    let cases = [
        ("", ["Cold 100%", "Bright", "Autumn"]),
        ("?sort=eventStartAt,desc", ["Autumn", "Bright", "Cold 100%"]),
        ("?sort=saleStartAt,asc", ["Cold 100%", "Bright", "Autumn"]),
        ("?sort=saleStartAt,desc", ["Autumn", "Bright", "Cold 100%"]),
        ("?sort=title,asc", ["Autumn", "Bright", "Cold 100%"]),
        ("?sort=title,desc", ["Cold 100%", "Bright", "Autumn"]),
    ];
    for (query, expected) in cases {
        assert_eq!(
            titles(&app.public.get(&format!("/events{query}")).await.expect(200)),
            expected,
            "{query}"
        );
    }
    let page = app.public.get("/events?sort=title,asc&page=1&size=2").await.expect(200);
    assert_eq!(titles(&page), ["Cold 100%"]);
    assert_eq!(
        (&page["page"], &page["size"], &page["totalPages"]),
        (&json!(1), &json!(2), &json!(2))
    );
    let beyond = app.public.get("/events?page=7").await.expect(200);
    assert_eq!((titles(&beyond).len(), &beyond["totalElements"]), (0, &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_moves_on_without_a_request_that_changes_it() {
    let app = App::start().await;
    let event = app.event().await;
    let path = format!("/events/{event}");
    assert_eq!(app.public.get(&path).await.expect(200)["status"], "ONGOING");
    app.clock.advance(TimeDelta::days(30));
    assert_eq!(app.public.get(&path).await.expect(200)["status"], "ENDED");
    let listed = app.public.get("/events?status=ENDED").await.expect(200);
    assert_eq!(listed["content"][0]["status"], "ENDED");

    let _ = app
        .admin
        .post(&format!("{path}/cancel"), &json!({"reason": "The artist is ill"}))
        .await
        .expect(202);
    assert_eq!(app.public.get(&path).await.expect(200)["status"], "CANCELLED");
    assert_eq!(
        app.public.get("/events?status=CANCELLED").await.expect(200)["totalElements"],
        1
    );
    assert_eq!(
        app.public.get("/events?status=ENDED").await.expect(200)["totalElements"],
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_makes_no_sense_is_refused() {
    let app = App::start().await;
    for bad in [
        "status=OPEN",
        "venueId=7",
        "from=monday",
        "from=-200000-01-01T00:00:00Z",
        "to=%2B200000-01-01T00:00:00Z",
        "sort=price,asc",
        "sort=title,up",
        "sort=",
        "size=0",
        "size=101",
        "page=-1",
        "page=99999999999",
        "q=",
        "q=%20",
        "q=%00",
        "city=%00",
        "colour=red",
        "page=1&page=2",
    ] {
        app.public
            .get(&format!("/events?{bad}"))
            .await
            .expect_problem(400, "VALIDATION_FAILED");
    }
    let long = "x".repeat(101);
    app.public
        .get(&format!("/events?q={long}"))
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}
