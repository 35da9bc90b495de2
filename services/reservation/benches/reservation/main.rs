//! `cargo xtask bench reservation`: the hold's transaction as the service runs it, against pgbench running the same
//! statements with as many connections.

mod pgbench;

use anyhow::Context as _;
use chrono::TimeDelta;
use common::db::DbConfig;
use reservation_service::measured::HoldTransaction;
use serde_json::json;
use sqlx::PgPool;
use std::{path::PathBuf, sync::Arc, time::Duration};
use test_support::{
    Login, TestEnv,
    measure::{Bar, Comparison, Load, closed_loop, compared},
};
use uuid::Uuid;

const HOLD_FOR: Duration = Duration::from_secs(300);
/// The default of `DB_POOL_MAX`.
const CONNECTIONS: u32 = 10;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(compare())
}

async fn compare() -> anyhow::Result<()> {
    let program = std::env::var_os("TICKET_QUEUE_PGBENCH").map_or_else(|| PathBuf::from("pgbench"), PathBuf::from);
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, duration) = if quick {
        (3, Duration::from_secs(1))
    } else {
        (9, Duration::from_secs(5))
    };
    let env = TestEnv::new().await;
    let url = env.database_url(Login::Reservation);
    let admin = PgPool::connect(&env.superuser_url()).await?;
    let script = {
        let one = transactions(&url, 1)?;
        hold(&one).await?;
        pgbench::script(&one.pool).await?
    };
    let ours = Arc::new(transactions(&url, CONNECTIONS)?);
    let clients = CONNECTIONS as usize;

    let mut throughput = Comparison::new("reservation transactions", "/s").bar(Bar::AtLeast(0.8));
    let mut latency = Comparison::new("  their mean latency", "ms");
    // The first round warms up and counts for nothing.
    for round in 0..=rounds {
        reset(&admin).await?;
        let load = measure(&ours, clients, duration).await;
        reset(&admin).await?;
        let peer = pgbench::run(&program, &script, &url, clients, duration)
            .context("TICKET_QUEUE_PGBENCH names it; `cargo xtask bench` finds or fetches it")?;
        ensure_held(&admin).await?;
        if round > 0 {
            throughput.add(load.per_second(), peer.per_second);
            let mean = load.latencies.iter().sum::<Duration>().as_secs_f64() * 1000.0 / load.latencies.len() as f64;
            latency.add(mean, peer.latency_ms);
        }
    }
    let title = format!("Reservation transaction against pgbench, {clients} connections");
    compared(&title, rounds, &[throughput, latency]);
    Ok(())
}

fn transactions(url: &str, pool_max: u32) -> anyhow::Result<HoldTransaction> {
    let db = DbConfig {
        url: url.to_owned(),
        pool_max,
    };
    let now = common::Clock::system().now();
    let event = json!({
        "title": "겨울 콘서트",
        "status": "ONGOING",
        "saleStartAt": now - TimeDelta::hours(1),
        "saleEndAt": now + TimeDelta::days(29),
        "eventStartAt": now + TimeDelta::days(30),
        "eventEndAt": now + TimeDelta::days(30),
        "maxTicketsPerUser": 4,
        "readAt": now,
    });
    HoldTransaction::new(&db, Uuid::now_v7(), event, HOLD_FOR)
}

async fn reset(admin: &PgPool) -> anyhow::Result<()> {
    sqlx::raw_sql(
        "truncate reservation_service.reservations, reservation_service.reservation_seats, reservation_service.seat_assignments",
    )
    .execute(admin)
    .await?;
    Ok(())
}

/// Whether pgbench did what it was to do: reservations of four seats each.
async fn ensure_held(admin: &PgPool) -> anyhow::Result<()> {
    let (reservations, seats): (i64, i64) = sqlx::query_as(
        "select (select count(*) from reservation_service.reservations),
             (select count(*) from reservation_service.seat_assignments)",
    )
    .fetch_one(admin)
    .await?;
    anyhow::ensure!(
        reservations > 0 && seats == 4 * reservations,
        "pgbench left {reservations} reservations with {seats} seats"
    );
    Ok(())
}

async fn hold(transaction: &HoldTransaction) -> anyhow::Result<()> {
    let seats = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
    let held = transaction.run(Uuid::now_v7(), Uuid::now_v7(), &seats).await?;
    anyhow::ensure!(held, "free seats were refused");
    Ok(())
}

async fn measure(transactions: &Arc<HoldTransaction>, clients: usize, duration: Duration) -> Load {
    let transactions = Arc::clone(transactions);
    let load = closed_loop(vec![(); clients], duration, move |()| {
        let transactions = Arc::clone(&transactions);
        async move {
            let held = hold(&transactions).await;
            assert!(held.is_ok(), "{held:?}");
        }
    });
    load.await
}
