//! Lines are listed, made faster and slower, paused and resumed, and the audit has who did it. That running services follow is tested
//! with the whole system.

use serde_json::{Value, json};
use sqlx::PgPool;
use test_support::TestEnv;
use uuid::Uuid;

use crate::command::{superuser, ticketctl};

/// Announces a concert; the sale begins and ends so many hours from now.
async fn concert(database: &PgPool, title: &str, hours: (i32, i32)) -> Uuid {
    sqlx::query_scalar(
        "with venue as (
            insert into event_service.venues (id, name, address, city) values (uuidv7(), 'Hall', 'Street 1', 'Seoul') returning id
        ), hall as (
            insert into event_service.halls (id, venue_id, name, capacity, seat_template)
            select uuidv7(), id, 'Main', 1, '{}' from venue
            returning id, venue_id
        )
        insert into event_service.events
            (id, title, artist, venue_id, hall_id, event_start_at, event_end_at, sale_start_at, sale_end_at, max_tickets_per_user)
        select uuidv7(), $1, 'Artist', venue_id, id, now() + interval '30 days', now() + interval '31 days',
            now() + make_interval(hours => $2), now() + make_interval(hours => $3), 4
        from hall
        returning id",
    )
    .bind(title)
    .bind(hours.0)
    .bind(hours.1)
    .fetch_one(database)
    .await
    .unwrap()
}

#[tokio::test]
async fn lines_are_set_paused_and_resumed_under_the_operators_name() {
    let env = TestEnv::new().await.with("TICKETCTL_OPERATOR", "kim");
    let database = superuser(&env).await;
    let open = concert(&database, "Tonight", (-1, 10)).await.to_string();
    let later = concert(&database, "Tomorrow", (20, 30)).await.to_string();
    let over = concert(&database, "Yesterday", (-30, -20)).await.to_string();
    let queue = async |arguments: &[&str]| {
        let arguments = [&["queue"], arguments, &["--json"]].concat();
        let printed = ticketctl(&env, &arguments).await.ok();
        serde_json::from_str::<Value>(&printed).unwrap()
    };
    let listed = queue(&["list", "--queue-url", "http://127.0.0.1:1"]).await;
    let titles: Vec<&Value> = listed.as_array().unwrap().iter().map(|line| &line["title"]).collect();
    assert_eq!(titles, ["Tonight", "Tomorrow"]);
    assert_eq!(
        (&listed[0]["sale"], &listed[0]["crowd"]),
        (&json!("OPEN"), &Value::Null)
    );

    let changed = queue(&["set", &open, "--rate", "25"]).await;
    assert_eq!(
        changed["after"],
        json!({"admissionPerSecond": 25, "maxActive": null, "paused": false})
    );
    queue(&["set", &open, "--cap", "7", "--operator", "lee"]).await;
    queue(&["pause", &later]).await;
    // What is paused already stays out of it, so that what is told to resume leaves it paused.
    let all = ticketctl(&env, &["queue", "pause", "--all"]).await.ok();
    assert!(
        all.contains(&format!(
            "Take it back with: ticketctl queue resume {open} --operator kim\n"
        )),
        "{all}"
    );
    assert!(!all.contains(&later) && !all.contains(&over), "{all}");
    let shown = ticketctl(&env, &["queue", "show", &open]).await.ok();
    for words in ["PAUSED, rate 25, cap 7", " kim: ", " lee: ", "Tonight"] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    let resumed = queue(&["resume", &open]).await;
    assert_eq!(
        resumed[0]["after"],
        json!({"admissionPerSecond": 25, "maxActive": 7, "paused": false})
    );

    let audit: Vec<(Option<String>, Option<Uuid>)> = sqlx::query_as(
        "select operator, admin_id from queue_service.admin_audit_log where target_id = $1::uuid order by created_at",
    )
    .bind(&open)
    .fetch_all(&database)
    .await
    .unwrap();
    let by = |name: &str| (Some(name.to_owned()), None);
    assert_eq!(audit, [by("kim"), by("lee"), by("kim"), by("kim")]);
}

#[tokio::test]
async fn what_no_line_can_have_is_refused_and_changes_nothing() {
    let env = TestEnv::new().await;
    let database = superuser(&env).await;
    let open = concert(&database, "Tonight", (-1, 10)).await.to_string();
    let unknown = Uuid::now_v7().to_string();
    let kim = ["--operator", "kim"];
    for (arguments, reason) in [
        (
            [&["set", &open, "--rate", "0"], &kim[..]].concat(),
            "admissionPerSecond must be from 1 to 10000",
        ),
        (
            [&["set", &open, "--cap", "1000001"], &kim[..]].concat(),
            "maxActive must be from 0 to 1000000",
        ),
        ([&["pause", &open, &unknown], &kim[..]].concat(), "there is no concert"),
        (
            vec!["set", &open, "--rate", "5", "--operator", " "],
            "the audit needs a name",
        ),
        (vec!["set", &open, "--rate", "5"], "--operator"),
        ([&["set", &open], &kim[..]].concat(), "--rate"),
    ] {
        let refused = ticketctl(&env, &[&["queue"], arguments.as_slice()].concat()).await;
        assert!(
            !refused.success && refused.stderr.contains(reason),
            "{arguments:?}: {refused:?}"
        );
    }
    let changes: i64 = sqlx::query_scalar("select count(*) from queue_service.admin_audit_log")
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(changes, 0);
}

#[tokio::test]
async fn lines_that_were_changed_are_told_when_a_later_one_fails() {
    let env = TestEnv::new().await;
    let database = superuser(&env).await;
    let first = concert(&database, "Tonight", (-1, 10)).await.to_string();
    let second = concert(&database, "Tomorrow", (20, 30)).await.to_string();
    sqlx::raw_sql(
        "create function queue_service.refuse() returns trigger language plpgsql as $$ begin
            if new.target_id = (select id from event_service.events where title = 'Tomorrow') then
                raise exception 'no room for it';
            end if;
            return new;
        end $$;
        create trigger refuse before insert on queue_service.admin_audit_log
            for each row execute function queue_service.refuse()",
    )
    .execute(&database)
    .await
    .unwrap();
    for (what, paused) in [("pause", true), ("resume", false)] {
        let arguments = ["queue", what, &first, &second, "--operator", "kim", "--json"];
        let failed = ticketctl(&env, &arguments).await;
        assert!(
            !failed.success && failed.stderr.contains("no room for it") && failed.stderr.contains(&second),
            "{failed:?}"
        );
        let told: Value = serde_json::from_str(&failed.stdout).unwrap_or_else(|error| panic!("{error}: {failed:?}"));
        let told: Vec<_> = told.as_array().unwrap().iter().collect();
        assert_eq!(told.len(), 1, "{failed:?}");
        assert_eq!(
            (&told[0]["eventId"], &told[0]["after"]["paused"]),
            (&json!(first), &json!(paused))
        );
    }
    // The command that takes it back is a whole one, as a shell reads it.
    let failed = ticketctl(&env, &["queue", "pause", "--all", "--operator", "Kim's deputy"]).await;
    let back = format!(r"Take it back with: ticketctl queue resume {first} --operator 'Kim'\''s deputy'");
    assert!(!failed.success && failed.stdout.contains(&back), "{failed:?}");
}
