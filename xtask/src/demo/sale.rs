//! First chapter: an administrator opens a sale.

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::client::Client;
use super::story::Story;
use crate::state::Admin;

/// What is on sale.
#[derive(Debug, Clone)]
pub(super) struct Concert {
    pub(super) id: String,
    /// How many seats its hall has.
    pub(super) seats: usize,
}

const ROWS: [&str; 3] = ["A", "B", "C"];
const SEATS_PER_ROW: usize = 8;

pub(super) async fn open(story: &mut Story, gateway: &Client, admin: &Admin) -> Result<Concert> {
    story.chapter("An administrator opens a sale");
    let login = json!({ "email": admin.email, "password": admin.password, "captchaToken": captcha_token() });
    let reply = gateway.post("/auth/login", login).send().await?.expect(200)?;
    story.step(reply.took, format_args!("{} logs in", admin.email));
    let admin = gateway.logged_in(reply.text("/accessToken")?);

    // Names are unique, so that the demo can be run again and again.
    let mark = &Uuid::new_v4().simple().to_string()[..6];
    let venue = json!({ "name": format!("한강 홀 {mark}"), "address": "서울특별시 마포구 하늘길 1", "city": "서울" });
    let reply = admin.post("/venues", venue).send().await?.expect(201)?;
    story.step(reply.took, "creates a venue");
    let venue = reply.text("/id")?;

    let grades = json!({ "A": "VIP", "B": "S", "C": "A" });
    let template = json!({ "rows": ROWS, "seatsPerRow": SEATS_PER_ROW, "gradeMapping": grades });
    let hall = json!({ "name": "대극장", "seatTemplate": template });
    let reply = admin
        .post(format!("/venues/{venue}/halls"), hall)
        .send()
        .await?
        .expect(201)?;
    let seats = ROWS.len() * SEATS_PER_ROW;
    story.step(reply.took, format_args!("a hall with a template of {seats} seats"));
    let hall = reply.text("/id")?;

    let now = now();
    let concert = json!({
        "title": format!("가을 콘서트 {mark}"),
        "artist": "데모 밴드",
        "description": "A concert that exists for a demonstration.",
        "hallId": hall,
        "eventStartAt": after(now, TimeDelta::days(30)),
        "eventEndAt": after(now, TimeDelta::days(30) + TimeDelta::hours(2)),
        "saleStartAt": after(now, -TimeDelta::minutes(1)),
        "saleEndAt": after(now, TimeDelta::days(20)),
        "prices": { "VIP": 150_000, "S": 120_000, "A": 90_000 },
    });
    let reply = admin.post("/events", concert).send().await?.expect(201)?;
    story.step(reply.took, "an event with prices, on sale now");
    let id = reply.text("/id")?;

    let reply = gateway.get(format!("/events/{id}")).send().await?.expect(200)?;
    let status = json!("ONGOING");
    let reply = reply.expect_member("status", &status)?;
    story.step(reply.took, "everybody can see it");
    Ok(Concert { id, seats })
}

/// A captcha that the simulated reCAPTCHA lets pass once.
pub(super) fn captcha_token() -> String {
    format!("sim-pass-{}", Uuid::new_v4())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a tool's clock is the machine's, and dates are all it is used for"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn after(now: DateTime<Utc>, delta: TimeDelta) -> String {
    (now + delta).to_rfc3339_opts(SecondsFormat::Secs, true)
}
