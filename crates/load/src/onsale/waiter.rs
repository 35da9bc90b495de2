//! A buyer from coming until being admitted.

use super::{
    hope::Hope,
    plan::{Conduct, Plan},
    sale::{Ending, Fate, Gauge, Sale},
    shopper,
};
use crate::{
    accounts::Account,
    client::{Call, Reply, Stream},
    fairness::Place,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use rand::{RngExt, rngs::StdRng};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{io, sync::Arc, sync::atomic::Ordering, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

/// How soon a request that failed is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// One of so many who go home comes back when all is over, to be told that all is sold.
const LATECOMERS: u32 = 100;

/// What the queue says of a place; nothing else of the reply is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: State,
    poll_after_seconds: u64,
    /// None while nobody can tell.
    estimated_wait_seconds: Option<u64>,
    entered_at: DateTime<Utc>,
    queue_token: Option<String>,
    queue_ticket: String,
    server_time: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Waiting,
    Admitted,
}

/// One virtual buyer.
pub(super) struct Buyer {
    pub(super) sale: Arc<Sale>,
    pub(super) number: usize,
    pub(super) account: Account,
    pub(super) plan: Plan,
    pub(super) dice: StdRng,
    place: Option<Place>,
    ticket: String,
    /// Redis' time of the last thing that the queue said.
    heard: i64,
    hope: Hope,
}

/// The concert's page, as far as somebody reads it who waits.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    seat_counts: Vec<SeatCount>,
}

#[derive(Deserialize)]
struct SeatCount {
    available: u64,
}

/// What waiting came to.
enum Waited {
    Admitted(String),
    Ended(Fate),
}

impl Buyer {
    pub(super) fn new(sale: Arc<Sale>, number: usize, account: Account) -> Self {
        let (plan, dice) = Plan::of(&sale.mix, number);
        Self {
            sale,
            number,
            account,
            plan,
            dice,
            place: None,
            ticket: String::new(),
            heard: 0,
            hope: Hope::new(Instant::now()),
        }
    }

    /// Lives until the end, whichever it is.
    pub(super) async fn live(mut self) -> Ending {
        let sale = Arc::clone(&self.sale);
        let fate = sale.stop.run_until_cancelled(self.evening()).await;
        sale.counters.ended.fetch_add(1, Ordering::Relaxed);
        let disappointed = fate == Some(Fate::SoldOut);
        Ending {
            fate: fate.unwrap_or(Fate::Stopped),
            comes_back: (disappointed && self.dice.random_ratio(1, LATECOMERS)).then_some(self.account),
            place: self.place,
        }
    }

    async fn evening(&mut self) -> Fate {
        let sale = Arc::clone(&self.sale);
        let comes = sale.opens + self.plan.comes_after;
        sleep_until(comes).await;
        if self.plan.browses {
            self.browse().await;
        }
        let wait = match self.enter(comes).await {
            Ok(wait) => wait,
            Err(fate) => return fate,
        };
        sale.counters.entered.fetch_add(1, Ordering::Relaxed);
        let waiting = Gauge::up(&sale.counters.waiting);
        let waited = self.wait(wait).await;
        drop(waiting);
        match waited {
            Waited::Admitted(token) => {
                sale.counters.admitted.fetch_add(1, Ordering::Relaxed);
                let _busy = Gauge::up(&sale.counters.busy);
                // Large, and most of fifty thousand never come here.
                Box::pin(shopper::shop(self, &token)).await
            }
            Waited::Ended(fate) => fate,
        }
    }

    async fn browse(&self) {
        let gateway = self.sale.world.gateway();
        // Public pages; what they answer is in the figures.
        let _list = gateway
            .send(Call::new("GET /events", "/events?status=ONGOING&size=20"))
            .await;
        let _detail = gateway.send(Call::new("GET /events/{id}", &self.sale.event_path)).await;
    }

    /// Enters; how long to wait until the first poll, or a token if nobody was in front.
    async fn enter(&mut self, due: Instant) -> Result<Duration, Fate> {
        let sale = Arc::clone(&self.sale);
        let body = json!({"eventId": sale.event});
        let mut due = due;
        loop {
            let call = Call::new("POST /queue/enter", "/queue/enter").bearer(&self.account.token);
            let reply = sale.world.gateway().send(call.json(&body).due(due)).await;
            match &reply {
                Ok(reply) if reply.status == 200 => return self.note(reply).map(|(wait, _)| wait),
                Ok(reply) => match reply.code() {
                    Some("SOLD_OUT") => return Err(Fate::SoldOut),
                    Some("QUEUE_FULL") => return Err(Fate::Refused),
                    Some("ALREADY_QUEUED_ELSEWHERE") => self.leave().await,
                    _ if may_pass(reply) => {}
                    _ => return Err(Fate::Failed),
                },
                Err(_) => {}
            }
            sleep(AGAIN).await;
            due = Instant::now();
        }
    }

    /// Waits for the admission as planned.
    async fn wait(&mut self, first: Duration) -> Waited {
        match self.plan.conduct {
            Conduct::Leave => {
                sleep(Duration::from_secs_f64(self.dice.random_range(1.0..8.0))).await;
                self.leave().await;
                return Waited::Ended(Fate::Left);
            }
            // Not a word more; the line learns it by itself.
            Conduct::CloseTab => return Waited::Ended(Fate::ClosedTab),
            _ => {}
        }
        if self.plan.streams {
            self.read_stream().await
        } else {
            self.poll(first).await
        }
    }

    async fn poll(&mut self, mut wait: Duration) -> Waited {
        let sale = Arc::clone(&self.sale);
        loop {
            let due = Instant::now() + wait;
            if !self.hope.is_lost() && self.hope.next() <= Instant::now() {
                self.look().await;
            }
            if self.hope.is_lost() && self.hope.next() < due {
                sleep_until(self.hope.next()).await;
                return Waited::Ended(self.go_home().await);
            }
            sleep_until(due).await;
            let call = Call::new("GET /queue/status", &sale.status_path)
                .bearer(&self.account.token)
                .header("x-queue-ticket", &self.ticket)
                .due(due);
            let reply = sale.world.gateway().send(call).await;
            wait = match &reply {
                Ok(reply) if reply.status == 200 => match self.note(reply) {
                    Ok((_, Some(token))) => return Waited::Admitted(token),
                    Ok((wait, None)) => wait,
                    Err(fate) => return Waited::Ended(fate),
                },
                Ok(reply) if reply.status == 404 => return Waited::Ended(Fate::PlaceEnded),
                Ok(reply) if may_pass(reply) => Duration::from_secs(reply.retry_after.unwrap_or(2)),
                Ok(_) => return Waited::Ended(Fate::Failed),
                Err(_) => AGAIN,
            };
        }
    }

    /// Reads the stream; whenever it ends without a reason, opens it again.
    async fn read_stream(&mut self) -> Waited {
        let sale = Arc::clone(&self.sale);
        let path = format!("/queue/stream?eventId={}", sale.event);
        loop {
            let call = Call::new("GET /queue/stream", &path)
                .bearer(&self.account.token)
                .header("x-queue-ticket", &self.ticket);
            match sale.world.gateway().open_stream(call).await {
                Ok(Ok(stream)) => {
                    if let Ok(Some(waited)) = self.follow(stream).await {
                        return waited;
                    }
                }
                Ok(Err(reply)) if reply.status == 404 => return Waited::Ended(Fate::PlaceEnded),
                Ok(Err(reply)) if !may_pass(&reply) => return Waited::Ended(Fate::Failed),
                _ => {}
            }
            sleep(AGAIN).await;
        }
    }

    async fn follow(&mut self, mut stream: Stream) -> io::Result<Option<Waited>> {
        loop {
            let event = {
                // Not begun anew after a look at the page, or what has come of an event would be lost.
                let next = stream.next();
                tokio::pin!(next);
                loop {
                    tokio::select! {
                        event = &mut next => break event?,
                        () = sleep_until(self.hope.next()) => {}
                    }
                    if self.hope.is_lost() {
                        return Ok(Some(Waited::Ended(self.go_home().await)));
                    }
                    self.look().await;
                }
            };
            let Some(event) = event else { return Ok(None) };
            if event.name == "closed" {
                return Ok(Some(Waited::Ended(Fate::PlaceEnded)));
            }
            let status = serde_json::from_str(&event.data).map_err(io::Error::other)?;
            if let (_, Some(token)) = self.hear(status) {
                return Ok(Some(Waited::Admitted(token)));
            }
        }
    }

    /// Looks at the concert's page.
    async fn look(&mut self) {
        let call = Call::new("GET /events/{id}", &self.sale.event_path);
        let reply = self.sale.world.gateway().send(call).await;
        let page = reply.ok().filter(Reply::is_success).and_then(|reply| reply.parse());
        let left = page.map(|page: Page| page.seat_counts.iter().any(|grade| grade.available > 0));
        self.hope.see(left, Instant::now(), &mut self.dice);
    }

    async fn go_home(&self) -> Fate {
        self.leave().await;
        Fate::SoldOut
    }

    /// Reads a reply of the queue.
    fn note(&mut self, reply: &Reply) -> Result<(Duration, Option<String>), Fate> {
        let Some(status) = reply.parse() else {
            let body = String::from_utf8_lossy(&reply.body);
            self.sale.violation(format!("not a place in a line: {body}"));
            return Err(Fate::Failed);
        };
        Ok(self.hear(status))
    }

    /// Remembers what the queue said, for the judgement at the end.
    fn hear(&mut self, status: Status) -> (Duration, Option<String>) {
        let (entered, now) = (
            status.entered_at.timestamp_micros(),
            status.server_time.timestamp_micros(),
        );
        let number = self.number;
        let place = self.place.get_or_insert_with(|| Place {
            buyer: number,
            entered,
            ..Place::default()
        });
        if place.entered != entered {
            let was = place.entered;
            self.sale
                .violation(format!("buyer {number} had entered at {was} and then at {entered}"));
        }
        if self.heard > 0 && place.admitted.is_none() {
            place.silence = place.silence.max(now - self.heard);
        }
        self.heard = now;
        self.hope.hear(status.estimated_wait_seconds.is_some(), Instant::now());
        match status.status {
            State::Waiting => place.last_waiting = place.last_waiting.max(Some(now)),
            State::Admitted => {
                place.admitted.get_or_insert(now);
                place.grant = grant(&status.queue_ticket);
            }
        }
        self.ticket = status.queue_ticket;
        (Duration::from_secs(status.poll_after_seconds), status.queue_token)
    }

    pub(super) async fn leave(&self) {
        let call = Call::new("DELETE /queue/leave", "/queue/leave").bearer(&self.account.token);
        // Idempotent; what it answered is in the figures.
        let _left = self.sale.world.gateway().send(call).await;
    }
}

/// The number of the grant that a ticket names: tickets are signed and not secret.
fn grant(ticket: &str) -> Option<u128> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(ticket.split('.').next()?).ok()?;
    let payload: Value = serde_json::from_slice(&payload).ok()?;
    let id: Uuid = payload["t"]["A"]["g"].as_str()?.parse().ok()?;
    Some(id.as_u128())
}

/// Whether a refusal asks to come again.
pub(super) fn may_pass(reply: &Reply) -> bool {
    reply.status >= 500 || reply.status == 429
}
