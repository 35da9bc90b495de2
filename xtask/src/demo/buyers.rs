//! Second chapter: two people become buyers and pass the waiting line.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Client;
use super::sale::{Concert, captcha_token};
use super::story::{Story, poll};

/// Admission happens every second; a queue that takes longer than this for two people is broken.
const ADMISSION_PATIENCE: Duration = Duration::from_secs(15);

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(super) struct Person {
    name: &'static str,
    email: String,
    password: String,
}

/// Somebody who is logged in and admitted to the sale.
#[derive(Debug, Clone)]
pub(super) struct Buyer {
    pub(super) name: &'static str,
    pub(super) client: Client,
    /// The `qr_` token.
    pub(super) queue_token: String,
}

pub(super) async fn register(story: &mut Story, gateway: &Client, simulators: &Client) -> Result<[Person; 2]> {
    story.chapter("Two buyers register, log in and wait in line");
    let reply = gateway.get("/terms").send().await?.expect(200)?;
    let agreements: Vec<_> = reply
        .list("")?
        .iter()
        .map(|terms| json!({ "type": terms["type"], "version": terms["version"], "agreed": true }))
        .collect();
    let (first, second) = tokio::join!(
        register_one(gateway, simulators, "김민지", &agreements),
        register_one(gateway, simulators, "이준호", &agreements)
    );
    let mut people = Vec::new();
    for registered in [first, second] {
        let (person, took) = registered?;
        story.step(took, format_args!("{} proves an identity and registers", person.name));
        people.push(person);
    }
    people.try_into().ok().context("two people registered")
}

async fn register_one(
    gateway: &Client,
    simulators: &Client,
    name: &'static str,
    agreements: &[Value],
) -> Result<(Person, Duration)> {
    let began = Instant::now();
    let unique = Uuid::new_v4();
    let phone = format!("010{:08}", unique.as_u128() % 100_000_000);
    let person = Person {
        name,
        email: format!("buyer-{}@example.com", unique.simple()),
        password: format!("Pw-{}!", unique.simple()),
    };
    let identity = json!({ "name": name, "phone": phone, "birthDate": "1995-05-05" });
    let reply = simulators
        .post("/control/identity-verifications", identity)
        .send()
        .await?
        .expect(201)?;
    let registration = json!({
        "email": person.email,
        "password": person.password,
        "name": name,
        "phone": phone,
        "captchaToken": captcha_token(),
        "identityVerificationId": reply.text("/identityVerificationId")?,
        "agreements": agreements,
    });
    gateway.post("/auth/register", registration).send().await?.expect(201)?;
    Ok((person, began.elapsed()))
}

/// Logs both in, and waits in line with them until both are admitted.
pub(super) async fn enter(
    story: &mut Story,
    gateway: &Client,
    concert: &Concert,
    [first, second]: [Person; 2],
) -> Result<[Buyer; 2]> {
    let (first, second) = tokio::join!(enter_one(gateway, concert, first), enter_one(gateway, concert, second));
    let mut buyers = Vec::new();
    for entered in [first, second] {
        let (buyer, [login, enter, admitted]) = entered?;
        story.step(login, format_args!("{} logs in", buyer.name));
        story.step(enter, "enters the queue");
        story.step(admitted, "is admitted and gets a qr_ token");
        buyers.push(buyer);
    }
    buyers.try_into().ok().context("two buyers were admitted")
}

async fn enter_one(gateway: &Client, concert: &Concert, person: Person) -> Result<(Buyer, [Duration; 3])> {
    let login = json!({ "email": person.email, "password": person.password, "captchaToken": captcha_token() });
    let reply = gateway.post("/auth/login", login).send().await?.expect(200)?;
    let logged_in = reply.took;
    let client = gateway.logged_in(reply.text("/accessToken")?);

    let reply = client
        .post("/queue/enter", json!({ "eventId": concert.id }))
        .send()
        .await?
        .expect(200)?;
    let entered = reply.took;
    let began = Instant::now();
    // More often than `pollAfterSeconds` advises: a line of two people bears it, and nobody likes slow demos.
    let queue_token = poll("admission", ADMISSION_PATIENCE, async || {
        let reply = client
            .get(format!("/queue/status?eventId={}", concert.id))
            .send()
            .await?
            .expect(200)?;
        if reply.body["status"] == "ADMITTED" {
            return Ok(Some(reply.text("/queueToken")?));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(None)
    })
    .await?;
    Ok((
        Buyer {
            name: person.name,
            client,
            queue_token,
        },
        [logged_in, entered, began.elapsed()],
    ))
}
