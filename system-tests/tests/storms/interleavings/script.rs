//! What happens in a run, made of its seed and nothing else.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use std::time::Duration;

use crate::town::Part;

/// What one buyer does.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Wants these seats, by number.
    Hold(Vec<usize>),
    /// Wants these instead of the held ones.
    Swap(Vec<usize>),
    Release,
    Cancel,
    /// POST /payments with a new key; supersedes an unconfirmed payment.
    Begin,
    /// In PortOne's window.
    Window(&'static str),
    /// Confirms the newest payment, or the one before it, so often at once.
    Confirm {
        copies: usize,
        newest: bool,
    },
    /// Confirms with a token that PortOne never gave.
    ConfirmWithNonsense,
    /// Confirms and hangs up after so long.
    ConfirmAndHangUp(Duration),
    /// PortOne says "paid" of the newest payment, whether it is or not.
    EarlyWebhook,
    /// Somebody gives the newest payment's money back in PortOne's console.
    RefundByHand,
}

/// What happens to everybody.
#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    /// PortOne misbehaves like this from now on.
    Weather(Value),
    /// This share of all new messages stays in the outbox without anybody noticing.
    Withhold(f64),
    /// So many of the withheld messages leave, in a random order.
    HandOver(usize),
    /// So many messages of the past come again.
    Echo(usize),
    /// So many messages of the past come again to consumers that have forgotten them.
    ForgottenEcho(usize),
    /// Redis has lost every hold.
    LoseHolds,
    /// Ends gracefully and starts again.
    Restart(Part),
    /// Dies and starts again.
    Kill(Part),
    /// The concert will not take place.
    CancelConcert,
}

/// A run.
pub(crate) struct Script {
    /// Each buyer's deeds with the pause before each.
    pub(crate) fans: Vec<Vec<(Duration, Deed)>>,
    pub(crate) mishaps: Vec<(Duration, Mishap)>,
}

pub(crate) const SEATS: usize = 30;
const FANS: usize = 16;
const RUN: Duration = Duration::from_millis(4000);

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let fans = (0..FANS).map(|_| deeds(&mut random)).collect();
        Self {
            fans,
            mishaps: mishaps(&mut random),
        }
    }
}

/// Where a buyer would be if all went well. What goes wrong makes some deeds senseless, which is as good.
#[derive(Clone, Copy)]
enum Stage {
    Nothing,
    Held,
    Begun,
    Authorised,
    Paid,
}

fn deeds(random: &mut impl Rng) -> Vec<(Duration, Deed)> {
    let mut stage = Stage::Nothing;
    let mut deeds = vec![(pause(random, 800), Deed::Hold(seats(random)))];
    stage_after(&mut stage, &deeds[0].1);
    for _ in 0..random.random_range(2..=8) {
        let deed = deed(stage, random);
        stage_after(&mut stage, &deed);
        let longest = if matches!(deed, Deed::Window(_)) { 50 } else { 450 };
        deeds.push((pause(random, longest), deed));
    }
    deeds
}

fn deed(stage: Stage, random: &mut impl Rng) -> Deed {
    let confirm = |random: &mut dyn FnMut(u64) -> u64| match random(10) {
        0..6 => Deed::Confirm {
            copies: 1,
            newest: true,
        },
        6 | 7 => Deed::Confirm {
            copies: 3,
            newest: true,
        },
        8 => Deed::ConfirmAndHangUp(Duration::from_millis(random(120))),
        _ => Deed::Confirm {
            copies: 1,
            newest: false,
        },
    };
    let mut below = |limit: u64| random.random_range(0..limit);
    let dice = below(100);
    match (stage, dice) {
        (Stage::Nothing, 0..85) => Deed::Hold(seats(random)),
        (Stage::Nothing, 85..92) => Deed::Cancel,
        (Stage::Nothing, _) => confirm(&mut below),
        (Stage::Held, 0..62) => Deed::Begin,
        (Stage::Held, 62..78) => Deed::Swap(seats(random)),
        (Stage::Held, 78..86) => Deed::Release,
        (Stage::Held, 86..91) => Deed::Cancel,
        (Stage::Held, _) => Deed::Hold(seats(random)),
        (Stage::Begun, 0..66) => Deed::Window("PAY"),
        (Stage::Begun, 66..78) => Deed::Window("PAY_DECLINED_ON_CONFIRM"),
        (Stage::Begun, 78..84) => Deed::Window("FAIL"),
        (Stage::Begun, 84..88) => Deed::Window("ABANDON"),
        (Stage::Begun, 88..92) => Deed::EarlyWebhook,
        (Stage::Begun, _) => Deed::Begin,
        (Stage::Authorised, 0..72) => confirm(&mut below),
        (Stage::Authorised, 72..77) => Deed::ConfirmWithNonsense,
        (Stage::Authorised, 77..82) => Deed::EarlyWebhook,
        (Stage::Authorised, 82..87) => Deed::Begin,
        (Stage::Authorised, 87..92) => Deed::Swap(seats(random)),
        (Stage::Authorised, 92..96) => Deed::Release,
        (Stage::Authorised, _) => Deed::Cancel,
        (Stage::Paid, 0..35) => Deed::Cancel,
        (Stage::Paid, 35..60) => Deed::RefundByHand,
        (Stage::Paid, 60..72) => confirm(&mut below),
        (Stage::Paid, 72..80) => Deed::Release,
        (Stage::Paid, 80..86) => Deed::EarlyWebhook,
        (Stage::Paid, _) => Deed::Hold(seats(random)),
    }
}

fn stage_after(stage: &mut Stage, deed: &Deed) {
    *stage = match deed {
        Deed::Hold(_) => Stage::Held,
        Deed::Release => Stage::Nothing,
        Deed::Begin => Stage::Begun,
        Deed::Window("PAY" | "PAY_DECLINED_ON_CONFIRM") => Stage::Authorised,
        Deed::Confirm { .. } | Deed::ConfirmAndHangUp(_) | Deed::ConfirmWithNonsense => Stage::Paid,
        // After a cancellation the money may be given back by hand as well.
        Deed::Cancel | Deed::Swap(_) | Deed::Window(_) | Deed::EarlyWebhook | Deed::RefundByHand => *stage,
    };
}

fn mishaps(random: &mut impl Rng) -> Vec<(Duration, Mishap)> {
    // Every third run has a concert that is cancelled late.
    let cancel_at = random
        .random_bool(0.3)
        .then(|| RUN.mul_f64(random.random_range(0.5..0.9)));
    let (mut mishaps, mut at, mut cancelled) = (Vec::new(), Duration::ZERO, false);
    loop {
        let mut wait = pause(random, 500);
        at += wait;
        if !cancelled && cancel_at.is_some_and(|cancel_at| at >= cancel_at) {
            mishaps.push((wait, Mishap::CancelConcert));
            (cancelled, wait) = (true, Duration::ZERO);
        }
        if at >= RUN {
            return mishaps;
        }
        mishaps.push((wait, mishap(random)));
    }
}

fn mishap(random: &mut impl Rng) -> Mishap {
    const MORTAL: [Part; 5] = [
        Part::Reservation,
        Part::SecondReservation,
        Part::Payment,
        Part::SecondPayment,
        Part::Event,
    ];
    match random.random_range(0..100) {
        0..34 => Mishap::Weather(weather(random)),
        34..42 => Mishap::Withhold(*[0.0, 0.2, 0.5].choose(random).unwrap_or(&0.0)),
        42..54 => Mishap::HandOver(random.random_range(1..=6)),
        54..66 => Mishap::Echo(random.random_range(1..=10)),
        66..80 => Mishap::ForgottenEcho(random.random_range(1..=6)),
        80..87 => Mishap::LoseHolds,
        87..91 => Mishap::Restart(*MORTAL.choose(random).unwrap_or(&Part::Payment)),
        _ => Mishap::Kill(*MORTAL.choose(random).unwrap_or(&Part::Payment)),
    }
}

/// Half of everything works at any time, or nothing interesting would ever be reached.
fn weather(random: &mut impl Rng) -> Value {
    let mut rate = |high: f64| if random.random_bool(0.5) { 0.0 } else { high };
    let (errors, drops, lost) = (rate(0.4), rate(0.4), rate(0.7));
    let (get_errors, cancel_errors, cancel_drops) = (rate(0.4), rate(0.4), rate(0.4));
    // The longest is beyond our time-out: the charge happens after we have given up.
    let delay = *[0, 0, 150, 1200].choose(random).unwrap_or(&0);
    json!({
        "seed": random.random_range(0..u32::MAX),
        "portone": {
            "confirm": {"delayMs": delay, "errorRate": errors, "dropReplyAfterEffectRate": drops},
            "get": {"errorRate": get_errors},
            "cancel": {"errorRate": cancel_errors, "dropReplyAfterEffectRate": cancel_drops},
        },
        "webhook": {
            "duplicate": random.random_range(0..=2), "dropRate": lost, "shuffle": random.random_bool(0.5),
            "delayMs": *[0, 300, 1000].choose(random).unwrap_or(&0),
        },
    })
}

fn seats(random: &mut impl Rng) -> Vec<usize> {
    let all: Vec<usize> = (0..SEATS).collect();
    let many = random.random_range(1..=2);
    all.sample(random, many).copied().collect()
}

fn pause(random: &mut impl Rng, longest: u64) -> Duration {
    Duration::from_millis(random.random_range(0..=longest))
}
