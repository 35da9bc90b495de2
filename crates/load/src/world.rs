//! The running system as `cargo xtask up` describes it in `.dev/state.json` (design.md §16), and what an administrator puts
//! on sale in it.

use crate::{
    client::{Call, Client},
    recorder::Recorder,
};
use anyhow::Context;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use common::Clock;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};
use uuid::Uuid;

/// The longest row of a hall here.
const LONGEST_ROW: usize = 50;
const GRADES: [(&str, i64); 4] = [("VIP", 150_000), ("S", 120_000), ("A", 90_000), ("B", 60_000)];

/// The state file, as far as a load needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct State {
    /// URL of the gateway.
    pub gateway: String,
    /// URL of the simulators.
    pub simulators: String,
    /// Superuser URL of the database.
    pub postgres: String,
    /// Process ids by name.
    pub pids: BTreeMap<String, u32>,
    /// The services' variables that differ from their defaults.
    pub settings: BTreeMap<String, String>,
    admin: Admin,
}

#[derive(Clone, Debug, Deserialize)]
struct Admin {
    email: String,
    password: String,
}

/// A running system and the ways into it.
pub struct World {
    state: State,
    gateway: Client,
    office: Client,
    simulators: Client,
}

/// An event on sale.
#[derive(Clone, Debug)]
pub struct Concert {
    /// The event.
    pub id: Uuid,
    /// How many seats it has.
    pub seats: usize,
}

impl World {
    /// Reads the state file. At most `connections` to the gateway are open at once.
    ///
    /// # Errors
    /// When there is no such file, or nothing of use in it.
    pub fn open(state: &Path, connections: usize) -> anyhow::Result<Self> {
        let bytes = fs::read(state).with_context(|| format!("cannot read {}; is the system up?", state.display()))?;
        let state: State = serde_json::from_slice(&bytes).context("the state file is broken")?;
        let gateway = Client::new(&state.gateway, connections, Arc::default())?;
        // Who watches does not stand in line with the buyers for one of their connections.
        let office = Client::new(&state.gateway, 8, Arc::default())?;
        // What the providers' stand-ins take is not the system's; their figures are kept apart.
        let simulators = Client::new(&state.simulators, 64, Arc::default())?;
        Ok(Self {
            state,
            gateway,
            office,
            simulators,
        })
    }

    /// What the state file says.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The gateway.
    #[must_use]
    pub fn gateway(&self) -> &Client {
        &self.gateway
    }

    /// The gateway, for who watches: connections and figures apart from the load's.
    #[must_use]
    pub fn office(&self) -> &Client {
        &self.office
    }

    /// The simulators' control side.
    #[must_use]
    pub fn simulators(&self) -> &Client {
        &self.simulators
    }

    /// The figures of all calls to the gateway.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        self.gateway.recorder()
    }

    /// A captcha token that the simulated reCAPTCHA lets pass once.
    #[must_use]
    pub fn captcha() -> String {
        format!("sim-pass-{}", Uuid::new_v4())
    }

    /// Logs the administrator in; gives the access token.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn log_in_admin(&self) -> anyhow::Result<String> {
        let Admin { email, password } = &self.state.admin;
        let login = json!({"email": email, "password": password, "captchaToken": Self::captcha()});
        let call = Call::new("POST /auth/login", "/auth/login").json(&login);
        let tokens = self.office.send(call).await?.expect(200)?.json();
        Ok(tokens["accessToken"].as_str().context("no accessToken")?.to_owned())
    }

    /// Creates a venue, a hall of this many seats and an event whose sale opens at `sale_start`, by the administrator's API.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn announce(&self, admin: &str, seats: usize, sale_start: DateTime<Utc>) -> anyhow::Result<Concert> {
        let mark = Uuid::now_v7().simple().to_string();
        let create = async |endpoint: &'static str, path: &str, body: Value| -> anyhow::Result<Uuid> {
            let call = Call::new(endpoint, path).bearer(admin).json(&body);
            let created = self.office.send(call).await?.expect(201)?.json();
            Ok(created["id"].as_str().context("no id")?.parse()?)
        };
        let venue = json!({"name": format!("올림픽홀 {mark}"), "address": "올림픽로 424", "city": "서울"});
        let venue = create("POST /venues", "/venues", venue).await?;
        let hall = json!({"name": "대공연장", "seatTemplate": template(seats)});
        let path = format!("/venues/{venue}/halls");
        let hall = create("POST /venues/{id}/halls", &path, hall).await?;
        let now = Clock::system().now();
        let at = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let event = json!({
            "title": format!("개봉의 밤 {mark}"), "artist": "오만 명", "hallId": hall,
            "prices": GRADES.map(|(grade, price)| (grade.to_owned(), json!(price))).into_iter()
                .take(template_rows(seats)).collect::<Map<_, _>>(),
            "eventStartAt": at(now + TimeDelta::days(60)), "eventEndAt": at(now + TimeDelta::days(60) + TimeDelta::hours(2)),
            "saleStartAt": at(sale_start), "saleEndAt": at(now + TimeDelta::days(50)),
        });
        let id = create("POST /events", "/events", event).await?;
        Ok(Concert { id, seats })
    }
}

/// The longest rows that fill the hall exactly.
fn seats_per_row(seats: usize) -> usize {
    (1..=LONGEST_ROW.min(seats))
        .rev()
        .find(|row| seats.is_multiple_of(*row))
        .unwrap_or(1)
}

fn template_rows(seats: usize) -> usize {
    seats / seats_per_row(seats)
}

fn template(seats: usize) -> Value {
    let rows: Vec<String> = (0..template_rows(seats)).map(|row| format!("R{row}")).collect();
    // The grades from the stage on, an equal part of the rows each.
    let grade = |row: usize| GRADES[row * GRADES.len().min(rows.len()) / rows.len()].0;
    let mapping: Map<String, Value> = rows
        .iter()
        .enumerate()
        .map(|(row, name)| (name.clone(), json!(grade(row))))
        .collect();
    json!({"rows": rows, "seatsPerRow": seats_per_row(seats), "gradeMapping": mapping})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hall_has_as_many_seats_as_asked_for() {
        for (seats, row) in [(3000, 50), (60, 30), (40, 40), (7, 7), (1, 1), (53, 1), (98, 49)] {
            assert_eq!(seats_per_row(seats), row, "{seats}");
            let template = template(seats);
            let rows = template["rows"].as_array().unwrap().len();
            assert_eq!(rows * row, seats);
            assert_eq!(template["gradeMapping"].as_object().unwrap().len(), rows);
        }
    }
}
