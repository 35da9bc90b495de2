//! Fourth chapter: everything that may go wrong for the other buyer, and how it ends well.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::buyers::Buyer;
use super::client::Client;
use super::journey::{self, Booked};
use super::sale::Concert;
use super::story::{Story, poll, won};

/// What is left of a hold is swept within this time after its end (design.md §9, I4).
const SWEEP_PATIENCE: Duration = Duration::from_secs(5);
/// Refunds begin with a message and end with PortOne's answer.
const REFUND_PATIENCE: Duration = Duration::from_secs(15);

/// `hold` is how long holds last, if they are short enough to be waited for.
pub(super) async fn tell(
    story: &mut Story,
    simulators: &Client,
    concert: &Concert,
    buyer: &Buyer,
    hold: Option<Duration>,
) -> Result<Vec<Booked>> {
    story.chapter("The other buyer is declined, is late, and thinks better of it");
    let declined = decline(story, simulators, concert, buyer).await?;
    match hold {
        Some(hold) => expire(story, concert, buyer, hold).await?,
        None => story.remark("(holds last too long in this system to wait for the end of one)"),
    }
    let refunded = cancel(story, simulators, concert, buyer).await?;
    Ok(vec![declined, refunded])
}

/// A card that is declined at confirmation costs nothing and frees the seats.
async fn decline(story: &Story, simulators: &Client, concert: &Concert, buyer: &Buyer) -> Result<Booked> {
    let seats = journey::free_seats(concert, buyer, 1).await?;
    let hold = journey::hold(story, concert, buyer, &seats).await?;
    let payment = journey::create_payment(story, buyer, &hold).await?;
    let window = journey::window(simulators, &payment, "PAY_DECLINED_ON_CONFIRM").await?;
    let reply = journey::confirm(buyer, &payment, &window)
        .await?
        .expect_problem(402, "PAYMENT_DECLINED")?;
    let reply = reply.expect_member("charged", &json!(false))?;
    story.step(
        reply.took,
        "the card is declined: 402 PAYMENT_DECLINED, nothing charged",
    );
    let began = Instant::now();
    await_free(concert, buyer, &seats, SWEEP_PATIENCE).await?;
    await_cancelled(buyer, &hold.reservation).await?;
    story.step(began.elapsed(), "the reservation is CANCELLED, the seat is free again");
    Ok(Booked {
        checkout: payment.checkout,
        captured: 0,
        cancelled: 0,
    })
}

/// Whoever does not pay in time loses the seats.
async fn expire(story: &Story, concert: &Concert, buyer: &Buyer, ttl: Duration) -> Result<()> {
    let seats = journey::free_seats(concert, buyer, 2).await?;
    let hold = journey::hold(story, concert, buyer, &seats).await?;
    let began = Instant::now();
    await_free(concert, buyer, &seats, ttl + SWEEP_PATIENCE).await?;
    await_cancelled(buyer, &hold.reservation).await?;
    story.step(
        began.elapsed(),
        format_args!(
            "without a payment the hold ends after {} s, the seats are free",
            ttl.as_secs()
        ),
    );
    Ok(())
}

/// A confirmed reservation is cancelled and paid back.
async fn cancel(story: &Story, simulators: &Client, concert: &Concert, buyer: &Buyer) -> Result<Booked> {
    let seats = journey::free_seats(concert, buyer, 2).await?;
    let hold = journey::hold(story, concert, buyer, &seats).await?;
    let payment = journey::create_payment(story, buyer, &hold).await?;
    journey::pay(story, simulators, buyer, &payment).await?;
    journey::await_confirmed(story, buyer, &hold).await?;

    let path = format!("/reservations/{}", hold.reservation);
    let reply = buyer.client.delete(&path).send().await?.expect(200)?;
    let reply = reply.expect_member("status", &json!("CANCELLED"))?;
    story.step(reply.took, format_args!("{} cancels", buyer.name));
    let began = Instant::now();
    let refunded = poll("the refund", REFUND_PATIENCE, async || {
        let reply = buyer.client.get(&path).send().await?.expect(200)?;
        match reply.text("/refund/status")?.as_str() {
            "SUCCEEDED" => Ok(Some(reply.number("/refund/amount")?)),
            "FAILED" => Err(reply.complain("expected a refund")),
            _ => Ok(None),
        }
    })
    .await?;
    story.step(began.elapsed(), format_args!("{} refunded", won(refunded)));
    await_free(concert, buyer, &seats, SWEEP_PATIENCE).await?;
    Ok(Booked {
        checkout: payment.checkout,
        captured: payment.amount,
        cancelled: payment.amount,
    })
}

async fn await_free(concert: &Concert, buyer: &Buyer, seats: &[String], patience: Duration) -> Result<()> {
    poll("the seats to be free again", patience, async || {
        let reply = buyer
            .client
            .get(format!("/reservations/seats/{}", concert.id))
            .send()
            .await?
            .expect(200)?;
        let free = journey::available(&reply)?;
        if seats.iter().all(|seat| free.contains(seat)) {
            return Ok(Some(()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(None)
    })
    .await
}

async fn await_cancelled(buyer: &Buyer, reservation: &str) -> Result<()> {
    poll("CANCELLED", SWEEP_PATIENCE, async || {
        let reply = buyer
            .client
            .get(format!("/reservations/{reservation}"))
            .send()
            .await?
            .expect(200)?;
        match reply.text("/status")?.as_str() {
            "PENDING" => Ok(None),
            "CANCELLED" => Ok(Some(())),
            _ => Err(reply.complain("expected CANCELLED")),
        }
    })
    .await
}
