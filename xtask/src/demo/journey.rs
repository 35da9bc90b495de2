//! Third chapter: a race for one seat, and two seats bought.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use super::buyers::Buyer;
use super::client::{Client, Reply};
use super::sale::Concert;
use super::story::{Story, poll, won};

/// A message passes outbox and Kafka in milliseconds; after this it is lost.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(15);

/// Seats held for somebody.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    pub(super) reservation: String,
    pub(super) amount: i64,
    /// The `qp_` token.
    payment_token: String,
}

/// A payment that waits for the buyer's window, or came out of it.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    /// Our key, for confirming it.
    key: String,
    /// PortOne's name of it.
    pub(super) checkout: String,
    pub(super) amount: i64,
}

/// What PortOne's ledger must say about a payment in the end.
#[derive(Debug, Clone)]
pub(super) struct Booked {
    pub(super) checkout: String,
    pub(super) captured: i64,
    pub(super) cancelled: i64,
}

/// Both buyers ask for the same seat at once. Returns the winner, who gives the seat back again, and the other one.
pub(super) async fn race(story: &mut Story, concert: &Concert, [one, other]: [Buyer; 2]) -> Result<(Buyer, Buyer)> {
    story.chapter("Both want the same seat; one buys two");
    let reply = one
        .client
        .get(format!("/reservations/seats/{}", concert.id))
        .send()
        .await?
        .expect(200)?;
    let seats = available(&reply)?;
    story.step(reply.took, format_args!("{} sees {} free seats", one.name, seats.len()));
    ensure!(
        seats.len() == concert.seats,
        "{}",
        reply.complain(&format!("expected {} free seats", concert.seats))
    );
    let wanted = [seats[0].clone()];

    let (first, second) = tokio::join!(ask_for(&one, concert, &wanted), ask_for(&other, concert, &wanted));
    let (first, second) = (first?, second?);
    let first_won = first.status == 201;
    let (won_by, lost_by) = if first_won { (one, other) } else { (other, one) };
    let (won, lost) = if first_won { (first, second) } else { (second, first) };
    let won = won.expect(201)?;
    let lost = lost
        .expect_problem(409, "SEAT_UNAVAILABLE")?
        .expect_member("seatIds", &json!(wanted))?;
    story.step(won.took, format_args!("{} asks for a seat: 201", won_by.name));
    story.step(
        lost.took,
        format_args!("{} asks for it at the same time: 409 SEAT_UNAVAILABLE", lost_by.name),
    );

    let held = won.text("/reservationId")?;
    let reply = won_by
        .client
        .delete(format!("/reservations/hold/{held}"))
        .send()
        .await?
        .expect(204)?;
    story.step(
        reply.took,
        format_args!("{} gives it back for two better ones", won_by.name),
    );
    Ok((won_by, lost_by))
}

/// Two seats from free to SOLD.
pub(super) async fn buy(story: &Story, simulators: &Client, concert: &Concert, buyer: &Buyer) -> Result<Booked> {
    let seats = free_seats(concert, buyer, 2).await?;
    let hold = hold(story, concert, buyer, &seats).await?;
    let payment = create_payment(story, buyer, &hold).await?;
    let began = Instant::now();
    pay(story, simulators, buyer, &payment).await?;
    await_confirmed(story, buyer, &hold).await?;
    let sold = poll("SOLD seats", MESSAGE_PATIENCE, async || {
        let reply = buyer
            .client
            .get(format!("/events/{}/seats", concert.id))
            .send()
            .await?
            .expect(200)?;
        Ok(all_sold(&reply, &seats)?.then_some(()))
    });
    sold.await?;
    story.step(
        began.elapsed(),
        "since the window opened: the event shows both seats as SOLD",
    );
    Ok(Booked {
        checkout: payment.checkout,
        captured: payment.amount,
        cancelled: 0,
    })
}

/// Some seats nobody holds.
pub(super) async fn free_seats(concert: &Concert, buyer: &Buyer, count: usize) -> Result<Vec<String>> {
    let reply = buyer
        .client
        .get(format!("/reservations/seats/{}", concert.id))
        .send()
        .await?
        .expect(200)?;
    let seats = available(&reply)?;
    ensure!(
        seats.len() >= count,
        "{}",
        reply.complain(&format!("expected {count} free seats"))
    );
    Ok(seats.into_iter().take(count).collect())
}

pub(super) async fn hold(story: &Story, concert: &Concert, buyer: &Buyer, seats: &[String]) -> Result<Hold> {
    let reply = ask_for(buyer, concert, seats)
        .await?
        .expect(201)?
        .expect_member("status", &json!("PENDING"))?;
    let hold = Hold {
        reservation: reply.text("/reservationId")?,
        amount: reply.number("/totalAmount")?,
        payment_token: reply.text("/paymentToken")?,
    };
    let (name, amount) = (buyer.name, won(hold.amount));
    let text = format!("{name} holds {} for {amount} and gets a qp_ token", names(&reply)?);
    story.step(reply.took, text);
    Ok(hold)
}

pub(super) async fn create_payment(story: &Story, buyer: &Buyer, hold: &Hold) -> Result<Payment> {
    let key = Uuid::new_v4().to_string();
    let request = json!({
        "reservationId": hold.reservation,
        "paymentKey": key,
        "paymentMethod": "CARD",
        "amount": hold.amount,
    });
    let reply = buyer
        .client
        .post("/payments", request)
        .queue_token(&hold.payment_token)
        .send()
        .await?;
    let reply = reply.expect(201)?.expect_member("status", &json!("PENDING"))?;
    let reply = reply.expect_member("amount", &json!(hold.amount))?;
    story.step(reply.took, "creates a payment, registered with PortOne beforehand");
    Ok(Payment {
        key,
        checkout: reply.text("/checkout/paymentId")?,
        amount: hold.amount,
    })
}

/// What happens in the buyer's payment window. Nothing is charged there.
pub(super) async fn window(simulators: &Client, payment: &Payment, outcome: &str) -> Result<Reply> {
    let path = format!("/control/portone/payments/{}/window", payment.checkout);
    simulators
        .post(path, json!({ "outcome": outcome }))
        .send()
        .await?
        .expect(200)
}

/// Asks for the payment to be confirmed with what the window gave.
pub(super) async fn confirm(buyer: &Buyer, payment: &Payment, window: &Reply) -> Result<Reply> {
    let request = json!({ "paymentKey": payment.key, "paymentToken": window.text("/paymentToken")? });
    buyer.client.post("/payments/confirm", request).send().await
}

/// The window, and a confirmation that succeeds.
pub(super) async fn pay(story: &Story, simulators: &Client, buyer: &Buyer, payment: &Payment) -> Result<()> {
    let opened = window(simulators, payment, "PAY").await?;
    story.step(opened.took, "pays in PortOne's window");
    let reply = confirm(buyer, payment, &opened)
        .await?
        .expect(200)?
        .expect_member("status", &json!("SUCCESS"))?;
    story.step(reply.took, format_args!("confirms: {} charged", won(payment.amount)));
    Ok(())
}

/// Waits for the payment's message to confirm the reservation.
pub(super) async fn await_confirmed(story: &Story, buyer: &Buyer, hold: &Hold) -> Result<()> {
    let began = Instant::now();
    poll("CONFIRMED", MESSAGE_PATIENCE, async || {
        // The call waits itself, so this usually asks once.
        let reply = buyer
            .client
            .get(format!("/reservations/{}?wait=10", hold.reservation))
            .send()
            .await?
            .expect(200)?;
        match reply.text("/status")?.as_str() {
            "PENDING" => Ok(None),
            "CONFIRMED" => Ok(Some(())),
            _ => Err(reply.complain("expected CONFIRMED")),
        }
    })
    .await?;
    story.step(began.elapsed(), "the reservation is CONFIRMED by the payment's message");
    Ok(())
}

async fn ask_for(buyer: &Buyer, concert: &Concert, seats: &[String]) -> Result<Reply> {
    let request = json!({ "eventId": concert.id, "seatIds": seats });
    buyer
        .client
        .post("/reservations/hold", request)
        .queue_token(&buyer.queue_token)
        .send()
        .await
}

/// The ids of seats anybody may hold.
pub(super) fn available(reply: &Reply) -> Result<Vec<String>> {
    let free = reply
        .list("/seats")?
        .iter()
        .filter(|seat| seat["status"] == "AVAILABLE");
    free.map(|seat| seat["id"].as_str().map(str::to_owned).context("a seat has no id"))
        .collect()
}

fn all_sold(reply: &Reply, seats: &[String]) -> Result<bool> {
    let listed = reply
        .list("/grades")?
        .iter()
        .filter_map(|grade| grade["seats"].as_array())
        .flatten();
    let is_wanted = |seat: &&Value| {
        seat["id"]
            .as_str()
            .is_some_and(|id| seats.iter().any(|wanted| wanted == id))
    };
    let sold = listed.filter(is_wanted).filter(|seat| seat["status"] == "SOLD").count();
    Ok(sold == seats.len())
}

fn names(reply: &Reply) -> Result<String> {
    let seats = reply.list("/seats")?;
    let names: Vec<_> = seats.iter().filter_map(|seat| seat["seatNumber"].as_str()).collect();
    ensure!(
        names.len() == seats.len(),
        "{}",
        reply.complain("expected seatNumber in each seat")
    );
    Ok(names.join(" and "))
}
