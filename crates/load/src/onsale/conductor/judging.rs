//! Everything that is asked when all are home: what the buyers were told, the line, the invariants, the map and the books.

use super::{
    Admission, Options,
    evening::{End, Passed},
    office::Office,
};
use crate::{
    fairness,
    onsale::{
        books,
        sale::{Ending, Fates, Ledger, Sale},
        verdict::{Findings, Verdict},
    },
};
use anyhow::Context;
use serde_json::Value;
use std::time::Duration;
use ticketctl::audit::Auditor;

/// How long after the last purchase the books may take to rest.
const REST: Duration = Duration::from_secs(120);
const SETTLE: Duration = Duration::from_secs(10);

/// Gathers what is to be found, and holds it to what is demanded.
pub(super) async fn judge(
    options: &Options,
    admission: &Admission,
    office: &Office,
    passed: Passed,
    seconds: f64,
) -> anyhow::Result<Verdict> {
    let sale = &office.sale;
    let state = sale.world.state();
    let (mut fates, mut places) = (Fates::new(), Vec::new());
    for Ending { fate, place, .. } in passed.endings {
        *fates.entry(fate).or_default() += 1;
        places.extend(place);
    }
    let one_queue = !state.pids.contains_key("queue-2");
    let fairness = fairness::judge(&places, admission.claim, one_queue);
    let excess = fairness::excess(&passed.counts, admission.rate, admission.burst);
    let audit = audit(sale).await?;
    let map = office.map().await.context("the seat map cannot be read")?;
    let Ledger {
        bookings,
        cancelled,
        violations,
    } = std::mem::take(&mut *sale.ledger());
    let seats = books::compare(
        &state.postgres,
        sale.event,
        options.seats,
        map.sold,
        &bookings,
        &cancelled,
    )
    .await?;
    Ok(Verdict::of(Findings {
        buyers: options.buyers,
        seed: options.seed,
        entry_seconds: options.entry.as_secs_f64(),
        ended: passed.end.words(),
        finished: matches!(passed.end, End::SoldOut | End::Served),
        seconds,
        sold_out_at: passed.sold_out_at,
        rate: admission.rate,
        burst: admission.burst,
        settings: state.settings.clone(),
        fates,
        fairness,
        excess,
        moments: passed.moments,
        seats,
        audit,
        violations,
        endpoints: sale.world.recorder().figures(),
        simulators: sale.world.simulators().recorder().figures(),
        usage: passed.watch.usage(),
    }))
}

/// The invariants, asked when nothing moves any more.
async fn audit(sale: &Sale) -> anyhow::Result<Value> {
    let state = sale.world.state();
    let ledger = format!("{}/control/portone/ledger", state.simulators);
    let auditor = Auditor::new(&state.postgres, Some(ledger)).grace(Duration::from_secs(30));
    Ok(serde_json::to_value(auditor.audit(REST, SETTLE).await?)?)
}
