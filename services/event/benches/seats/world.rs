//! A service with a catalogue.

use anyhow::Context;
use common::internal_auth::{Service, SigningKey};
use event_service::{Config, build};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use test_support::{Api, Login, Running, TestEnv};
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) service: Running,
    pub(crate) config: Config,
    pub(crate) key: SigningKey,
    database: PgPool,
    admin: Api,
    hall: String,
    _env: TestEnv,
}

impl World {
    /// With a hall of so many rows of 50 seats. `known_millis` is how long the service answers from memory.
    pub(crate) async fn start(rows: usize, known_millis: u64) -> anyhow::Result<Self> {
        let env = TestEnv::new().await.with("CACHE_KNOWN_MILLIS", known_millis);
        let settings = env.env(Some(Login::Event));
        let config = Config::from_env(&settings)?;
        let service = Running::start(build(config.clone()).await?);
        let admin = Api::as_gateway(&service.url()).as_admin(Uuid::now_v7());
        let venue = json!({"name": "Olympic Hall", "address": "424 Olympic-ro", "city": "Seoul"});
        let venue = id(&admin.post("/venues", &venue).await.expect(201))?;
        let labels: Vec<String> = (1..=rows).map(|row| format!("R{row}")).collect();
        let grades = ["VIP", "S", "A", "B"];
        let mapping: Map<String, Value> = labels
            .iter()
            .enumerate()
            .map(|(row, label)| (label.clone(), json!(grades[row * 4 / rows])))
            .collect();
        let hall = json!({
            "name": "Main hall",
            "seatTemplate": {"rows": labels, "seatsPerRow": 50, "gradeMapping": mapping},
        });
        let hall = id(&admin.post(&format!("/venues/{venue}/halls"), &hall).await.expect(201))?;
        Ok(Self {
            key: SigningKey::from_env(&settings, Service::Gateway)?,
            database: PgPool::connect(&env.superuser_url()).await?,
            service,
            config,
            admin,
            hall,
            _env: env,
        })
    }

    pub(crate) async fn concert(&self) -> anyhow::Result<String> {
        let body = json!({
            "title": "겨울 콘서트", "artist": "The Band", "description": "Two hours without a break. ".repeat(20),
            "hallId": self.hall,
            "eventStartAt": "2100-01-30T10:00:00Z", "eventEndAt": "2100-01-30T13:00:00Z",
            "saleStartAt": "2026-01-01T10:00:00Z", "saleEndAt": "2100-01-29T10:00:00Z",
            "prices": {"VIP": 150_000, "S": 100_000, "A": 80_000, "B": 60_000},
        });
        id(&self.admin.post("/events", &body).await.expect(201))
    }

    /// Sells or releases seats as the projection does.
    pub(crate) async fn turn(&self, concert: &str, seats: i32) -> anyhow::Result<()> {
        let statement = "WITH map AS (
                UPDATE event_service.seat_maps SET version = version + 1 WHERE event_id = $1 RETURNING version
            )
            UPDATE event_service.seats
            SET status = CASE status WHEN 'SOLD' THEN 'AVAILABLE' ELSE 'SOLD' END, version = map.version
            FROM map WHERE event_id = $1 AND seat_index IN (SELECT (random() * 2999)::integer FROM generate_series(1, $2))";
        let id: Uuid = concert.parse()?;
        sqlx::query(statement)
            .bind(id)
            .bind(seats)
            .execute(&self.database)
            .await?;
        Ok(())
    }
}

fn id(body: &Value) -> anyhow::Result<String> {
    Ok(body["id"].as_str().context("an id")?.to_owned())
}
