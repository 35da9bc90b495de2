use chrono::{DateTime, TimeDelta, Utc};
use common::internal_auth::Service;
use event_service::{Config, build};
use serde_json::{Value, json};
use sqlx::PgPool;
use test_support::{Api, Login, Running, TestEnv};
use uuid::Uuid;

/// A running event service with a database of its own.
pub(crate) struct App {
    /// Stopped before its database is dropped, which is what the order of these fields says.
    pub(crate) running: Running,
    pub(crate) env: TestEnv,
    pub(crate) clock: common::Clock,
    /// The gateway on behalf of nobody.
    pub(crate) public: Api,
    pub(crate) user: Api,
    pub(crate) admin: Api,
    pub(crate) admin_id: Uuid,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_in(TestEnv::new().await).await
    }

    pub(crate) async fn start_in(env: TestEnv) -> Self {
        let mut config = Config::from_env(&env.env(Some(Login::Event))).unwrap();
        let clock = common::Clock::adjustable();
        config.clock = clock.clone();
        let running = Running::start(build(config).await.unwrap());
        let public = Api::as_gateway(&running.url());
        let admin_id = Uuid::now_v7();
        Self {
            clock,
            user: public.as_user(Uuid::now_v7()),
            admin: public.as_admin(admin_id),
            admin_id,
            public,
            running,
            env,
        }
    }

    pub(crate) fn as_service(&self, service: Service) -> Api {
        Api::as_service(&self.running.url(), service)
    }

    /// The database as the superuser sees it.
    pub(crate) async fn database(&self) -> PgPool {
        PgPool::connect(&self.env.superuser_url()).await.unwrap()
    }

    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&self.database().await)
            .await
            .unwrap()
    }

    pub(crate) async fn venue(&self) -> String {
        self.venue_in("Seoul").await
    }

    pub(crate) async fn venue_in(&self, city: &str) -> String {
        let body = json!({"name": "Olympic Hall", "address": "424 Olympic-ro", "city": city});
        id(&self.admin.post("/venues", &body).await.expect(201))
    }

    /// A hall with row A of VIP and row B of S seats.
    pub(crate) async fn hall(&self, seats_per_row: u32) -> String {
        let venue = self.venue().await;
        self.hall_in(&venue, seats_per_row).await
    }

    pub(crate) async fn hall_in(&self, venue: &str, seats_per_row: u32) -> String {
        let path = format!("/venues/{venue}/halls");
        id(&self.admin.post(&path, &hall_body(seats_per_row)).await.expect(201))
    }

    /// A concert on sale now with 2 × 2 seats.
    pub(crate) async fn event(&self) -> String {
        let hall = self.hall(2).await;
        self.event_with(self.event_body(&hall)).await
    }

    pub(crate) async fn event_with(&self, body: Value) -> String {
        id(&self.admin.post("/events", &body).await.expect(201))
    }

    /// What announces a concert in a month, on sale since an hour ago.
    pub(crate) fn event_body(&self, hall: &str) -> Value {
        let now = self.clock.now();
        json!({
            "title": "겨울 콘서트",
            "artist": "The Band",
            "description": "Two hours\nwithout a break",
            "hallId": hall,
            "eventStartAt": time(now + TimeDelta::days(30)),
            "eventEndAt": time(now + TimeDelta::days(30) + TimeDelta::hours(3)),
            "saleStartAt": time(now - TimeDelta::hours(1)),
            "saleEndAt": time(now + TimeDelta::days(29)),
            "prices": {"VIP": 150_000, "S": 100_000},
        })
    }
}

pub(crate) fn hall_body(seats_per_row: u32) -> Value {
    json!({
        "name": "Main hall",
        "seatTemplate": {"rows": ["A", "B"], "seatsPerRow": seats_per_row, "gradeMapping": {"A": "VIP", "B": "S"}},
    })
}

pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

pub(crate) fn id(body: &Value) -> String {
    text(&body["id"])
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}

/// The fields that a problem names.
pub(crate) fn broken_fields(problem: &Value) -> Vec<String> {
    problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| text(&error["field"]))
        .collect()
}

/// The body with one field replaced, or removed for null.
pub(crate) fn with(mut body: Value, field: &str, value: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), value);
    }
    body
}
