//! What the programs need: PostgreSQL, Redis and Kafka as in tests, stand-ins for their neighbours, a concert.

use crate::{
    cases::{self, Signed},
    process::Program,
};
use anyhow::Context;
use axum::{
    Json, Router,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::path::PathBuf;
use test_support::{Api, Login, Running, TestEnv};
use uuid::Uuid;

/// As many as all holds of a run take.
const SEATS: usize = 14_000;
/// So long is a reply of the service behind the gateway.
const REPLY_BYTES: usize = 1024;

pub(crate) struct World {
    env: TestEnv,
    signed: Signed,
    programs: PathBuf,
    event: Uuid,
    seats: Vec<Uuid>,
    concert: String,
    _neighbours: Running,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let programs = std::env::var_os("TICKET_QUEUE_PROGRAMS");
        let programs = PathBuf::from(programs.context("TICKET_QUEUE_PROGRAMS names the folder of the programs")?);
        let (event, seats) = (Uuid::now_v7(), (0..SEATS).map(|_| Uuid::now_v7()).collect::<Vec<_>>());
        let neighbours = neighbours(event, &seats).await;
        let mut env = TestEnv::new().await.with_topics().await;
        for service in ["USER", "EVENT", "QUEUE", "RESERVATION", "PAYMENT"] {
            env.set(&format!("{service}_SERVICE_URL"), neighbours.url());
        }
        let env = env
            .with("RATE_LIMIT_PROFILE", "loadtest")
            .with("CATALOGUE_TTL_SECONDS", 3600)
            // Who asks where he stands shall stand there.
            .with("MAX_ACTIVE", 0)
            .with("QUEUE_GRACE_SECONDS", 36_000);
        let mut world = Self {
            signed: Signed::new(&env.env(None))?,
            env,
            programs,
            event,
            seats,
            concert: String::new(),
            _neighbours: neighbours,
        };
        world.concert = world.concert().await?;
        Ok(world)
    }

    /// The programs, and what is asked of them.
    pub(crate) fn programs(&self) -> anyhow::Result<Vec<Program>> {
        let (signed, event) = (&self.signed, self.event);
        let detail = signed.read("event: `GET /events/{id}`, cached", format!("/events/{}", self.concert));
        Ok(vec![
            self.program("gateway", None, vec![cases::proxied(&self.env.env(None))?]),
            self.program("event-service", Some(Login::Event), vec![detail]),
            self.program(
                "queue-service",
                Some(Login::Queue),
                vec![signed.status(event), signed.enter(event)],
            ),
            self.program(
                "reservation-service",
                Some(Login::Reservation),
                vec![signed.hold(event, self.seats.clone())],
            ),
        ])
    }

    fn program(&self, name: &'static str, login: Option<Login>, cases: Vec<cases::Case>) -> Program {
        Program {
            name,
            file: self.programs.join(name),
            settings: self.env.pairs(login),
            cases,
        }
    }

    /// A concert that the event service knows.
    async fn concert(&self) -> anyhow::Result<String> {
        let service = self
            .program("event-service", Some(Login::Event), Vec::new())
            .start(&[])
            .await?;
        let admin = Api::as_gateway(&format!("http://{}", service.address)).as_admin(Uuid::now_v7());
        let made = async |path: &str, body: Value| -> anyhow::Result<String> {
            let made = admin.post(path, &body).await.expect(201);
            Ok(made["id"].as_str().context("an id")?.to_owned())
        };
        let venue = json!({"name": "Olympic Hall", "address": "424 Olympic-ro", "city": "Seoul"});
        let venue = made("/venues", venue).await?;
        let template = json!({"rows": ["A", "B"], "seatsPerRow": 50, "gradeMapping": {"A": "VIP", "B": "S"}});
        let hall = json!({"name": "Main hall", "seatTemplate": template});
        let hall = made(&format!("/venues/{venue}/halls"), hall).await?;
        let concert = json!({
            "title": "겨울 콘서트", "artist": "The Band", "description": "Two hours without a break. ".repeat(20),
            "hallId": hall,
            "eventStartAt": "2100-01-30T10:00:00Z", "eventEndAt": "2100-01-30T13:00:00Z",
            "saleStartAt": "2026-01-01T10:00:00Z", "saleEndAt": "2100-01-29T10:00:00Z",
            "prices": {"VIP": 150_000, "S": 100_000},
        });
        made("/events", concert).await
    }
}

/// All services as far as the others need them, answering what they were given.
async fn neighbours(event: Uuid, seats: &[Uuid]) -> Running {
    let facts = json!({
        "eventId": event, "title": "겨울 콘서트", "artist": "The Band", "venueName": "Olympic Hall", "hallName": "Main",
        "status": "ONGOING", "maxTicketsPerUser": 4, "version": 1, "readAt": "2026-11-01T10:00:00Z",
        "saleStartAt": "2026-01-01T10:00:00Z", "saleEndAt": "2100-01-29T10:00:00Z",
        "eventStartAt": "2100-01-30T10:00:00Z", "eventEndAt": "2100-01-30T13:00:00Z",
    });
    let seat = |id: &Uuid| json!({"id": id, "seatNumber": "A-12", "grade": "VIP", "price": 150_000});
    let mut catalogue = facts.clone();
    catalogue["seats"] = seats.iter().map(seat).collect();
    let later = "2100-01-01T00:00:00Z";
    let left = json!({"eventId": event, "total": SEATS, "sold": 0, "unsold": SEATS});
    let valid = json!({"valid": true, "grantId": "grant", "expiresAt": later});
    let token = json!({"paymentToken": "qp_good", "expiresAt": later});
    let reply = |body: Value| move || std::future::ready(Json(body.clone()));
    let router = Router::new()
        .route("/users/me", get(|| async { "x".repeat(REPLY_BYTES) }))
        .route("/internal/events/{id}", get(reply(facts)))
        .route("/internal/events/{id}/seats", get(reply(catalogue)))
        .route("/internal/reservations/availability/{id}", get(reply(left)))
        .route("/internal/queue/tokens/validate", post(reply(valid)))
        .route("/internal/queue/payment-tokens", post(reply(token)));
    Running::serve(router).await
}
