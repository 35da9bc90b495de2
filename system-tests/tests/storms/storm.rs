//! Crowds that want the same seats at the same moment, at two replicas of the reservation service.

use crate::{
    crowd::Fan,
    settings::amount,
    town::{Part, Town, id},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use test_support::{Api, Reply, eventually};
use tokio::{
    sync::{Barrier, Semaphore},
    task::JoinSet,
};
use uuid::Uuid;

const HANDS: usize = 1000;

/// One seat, a thousand buyers at the same moment, again and again: each time one has it and all others are told so.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hands_reach_for_one_seat_and_one_holds_it() {
    let rounds = amount("STORM_ROUNDS", 8);
    let town = Town::open(&Part::SELLING, &[]).await;
    town.watch().await;
    let (sale, seats) = town.concert(1, 1).await;
    let fans = town.fans(sale.event_id, HANDS).await;
    let replicas = [town.at(Part::Reservation), town.at(Part::SecondReservation)];
    for (replica, fan) in replicas.iter().zip(&fans) {
        // A service that has just begun has no connections yet; that the first of a crowd waits for one is not the matter.
        let hold = fan.hold(replica, &seats).await.expect(201);
        release(replica, fan, &hold).await;
    }
    let begun = Instant::now();
    for round in 0..rounds {
        let start = Arc::new(Barrier::new(HANDS));
        let mut race = JoinSet::new();
        for (number, fan) in fans.iter().cloned().enumerate() {
            let (replica, seats, start) = (replicas[number % 2].clone(), seats.clone(), Arc::clone(&start));
            race.spawn(async move {
                let _all_are_here = start.wait().await;
                let reply = fan.hold(&replica, &seats).await;
                (fan, reply)
            });
        }
        let (mut winners, mut refused) = (Vec::new(), 0);
        for (fan, reply) in race.join_all().await {
            if reply.status.as_u16() == 201 {
                winners.push((fan, reply.body));
            } else {
                let problem = reply.expect_problem(409, "SEAT_UNAVAILABLE");
                assert_eq!(problem["seatIds"], json!(seats));
                refused += 1;
            }
        }
        assert_eq!((winners.len(), refused), (1, HANDS - 1), "round {round}");
        // The seat is free for the next round, at both replicas.
        let (winner, hold) = winners.remove(0);
        release(&replicas[round % 2], &winner, &hold).await;
    }
    println!("{rounds} rounds of {HANDS} holds took {:.1?}", begun.elapsed());
    assert_eq!(town.wrongs().await, [""; 0]);
    town.close().await;
}

async fn release(replica: &Api, fan: &Fan, hold: &Value) {
    let path = format!("/reservations/hold/{}", id(&hold["reservationId"]));
    let _released = replica.as_user(fan.id).delete(&path).await.expect(204);
}

const BUYERS: usize = 2000;
const TTL: Duration = Duration::from_secs(6);
/// How many of the buyers are busy at once; what they do takes the same two cores.
const BUSY: usize = 100;

/// How long a buyer asks again.
const PATIENCE: Duration = Duration::from_secs(90);

/// How many of those who come last try whether seats that look free are.
const WITNESSES: usize = 20;

/// What buyers have seen.
#[derive(Default)]
struct Seen {
    /// Replies by kind of request and status, with the code of problems.
    replies: BTreeMap<String, usize>,
    /// Replies that nobody should get.
    failures: Vec<String>,
    /// Who was told that the payment succeeded.
    paid: HashSet<Uuid>,
}

/// Two thousand buyers with wishes of one to four seats want five hundred seats; some pay, some let go, some change their
/// minds, some vanish.
#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_buyers_want_five_hundred_seats() {
    let buyers = amount("STORM_BUYERS", BUYERS);
    let seed = u64::try_from(amount("STORM_SEED", 20_261_123)).unwrap();
    let ttl = TTL.as_secs().to_string();
    let settings = [
        ("HOLD_TTL_SECONDS", ttl.as_str()),
        ("SWEEP_INTERVAL_SECONDS", "0.5"),
        // What a machine that is too busy leaves unknown is known before the buyers' patience ends.
        ("RECONCILE_AFTER_SECONDS", "11"),
        ("RECONCILE_NOT_CHARGED_AFTER_SECONDS", "30"),
        ("RECONCILE_INTERVAL_SECONDS", "1"),
    ];
    let town = Town::open(&Part::ALL, &settings).await;
    town.watch().await;
    let (sale, seats) = town.concert(20, 25).await;
    let begun = Instant::now();
    let fans = town.fans(sale.event_id, buyers).await;
    println!("{buyers} buyers were let in after {:.1?}", begun.elapsed());
    let begun = Instant::now();
    let seen = crowd(&town, fans, &seats, seed).await;
    println!(
        "seed {seed}: {buyers} buyers took {:.1?}: {:#?}",
        begun.elapsed(),
        seen.replies
    );
    assert_eq!(seen.failures, [""; 0], "seed {seed}");

    nothing_is_stranded(&town, sale.event_id, &seats).await;
    let confirmed = "select count(*) from reservation_service.reservations where status = 'CONFIRMED'";
    let paid = i64::try_from(seen.paid.len()).unwrap();
    eventually("all paid seats are confirmed", Duration::from_secs(90), || async {
        (town.count(confirmed).await == paid).then_some(())
    })
    .await;
    assert!(
        seen.paid.len() * 100 >= buyers,
        "only {} buyers paid: not much of a storm",
        seen.paid.len()
    );
    assert_eq!(town.audit().await, [""; 0], "seed {seed}");
    town.close().await;
}

async fn crowd(town: &Town, fans: Vec<Fan>, seats: &[Uuid], seed: u64) -> Seen {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let door = Arc::new(Semaphore::new(BUSY));
    let seats: Arc<[Uuid]> = seats.into();
    let mut crowd = JoinSet::new();
    for (number, fan) in fans.into_iter().enumerate() {
        let buyer = Buyer {
            fan,
            reservations: town.at([Part::Reservation, Part::SecondReservation][number % 2]),
            payments: town.at([Part::Payment, Part::SecondPayment][number / 2 % 2]),
            portone: town.control(),
            random: StdRng::seed_from_u64(seed.wrapping_add(u64::try_from(number).unwrap())),
            seats: Arc::clone(&seats),
            seen: Arc::clone(&seen),
        };
        let door = Arc::clone(&door);
        crowd.spawn(async move {
            let _turn = door.acquire().await.unwrap();
            buyer.live().await;
        });
    }
    while let Some(ended) = crowd.join_next().await {
        ended.unwrap();
    }
    Arc::into_inner(seen).unwrap().into_inner().unwrap()
}

struct Buyer {
    fan: Fan,
    reservations: Api,
    payments: Api,
    portone: Api,
    random: StdRng,
    seats: Arc<[Uuid]>,
    seen: Arc<Mutex<Seen>>,
}

impl Buyer {
    async fn live(mut self) {
        for _ in 0..3 {
            let wish = self.wish();
            let hold = || self.fan.hold(&self.reservations, &wish);
            if let Some(hold) = self.insist("hold", &[201, 409], hold).await {
                return self.decide(hold).await;
            }
        }
    }

    fn wish(&mut self) -> Vec<Uuid> {
        let many = self.random.random_range(1..=4);
        let seats = Arc::clone(&self.seats);
        seats.sample(&mut self.random, many).copied().collect()
    }

    /// What becomes of a hold.
    async fn decide(mut self, hold: Value) {
        let path = format!("/reservations/hold/{}", id(&hold["reservationId"]));
        let mine = self.reservations.as_user(self.fan.id);
        match self.random.random_range(0..100) {
            0..18 => self.pay(&hold).await,
            18..45 => {
                let _ended = self.insist("release", &[204], || mine.delete(&path)).await;
            }
            45..57 => {
                let wish = self.wish();
                let wish = json!({"seatIds": wish});
                let _swapped = self.insist("swap", &[200, 409], || mine.put(&path, &wish)).await;
                // With the new seats or, if somebody else has one of them, with the old.
                self.pay(&hold).await;
            }
            _ => {} // Vanishes.
        }
    }

    async fn pay(&mut self, hold: &Value) {
        let reservation = id(&hold["reservationId"]);
        let key = Uuid::new_v4();
        let payments = self.payments.as_user(self.fan.id);
        // Of a hold whose first answer was lost in the crowd there is none.
        let Some(token) = hold["paymentToken"].as_str() else {
            return;
        };
        let body = json!({"reservationId": reservation, "paymentKey": key, "paymentMethod": "CARD"});
        let paying = payments.with_header("x-queue-token", token);
        let begin = || paying.post("/payments", &body);
        let Some(payment) = self.insist("pay", &[201, 409], begin).await else {
            return;
        };
        let checkout = payment["checkout"]["paymentId"].as_str().unwrap();
        let window = format!("/control/portone/payments/{checkout}/window");
        let window = self.portone.post(&window, &json!({"outcome": "PAY"})).await.expect(200);
        let body = json!({"paymentKey": key, "paymentToken": window["paymentToken"]});
        let confirm = || payments.post("/payments/confirm", &body);
        if self.insist("confirm", &[200, 409], confirm).await.is_some() {
            self.seen.lock().unwrap().paid.insert(reservation);
        }
    }

    /// Asks, and again while the answer is that the machine is too busy (503), or that the outcome is not known yet (202):
    /// both are due to a crowd on two cores. Whoever asked in vain before may find it done (200).
    async fn insist<F: Future<Output = Reply>>(
        &self,
        what: &str,
        expected: &[u16],
        ask: impl Fn() -> F,
    ) -> Option<Value> {
        let deadline = Instant::now() + PATIENCE;
        let reply = ask().await;
        if ![202, 503].contains(&reply.status.as_u16()) {
            return self.note(what, expected, reply);
        }
        let _busy = self.note(what, &[202, 503], reply);
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let reply = ask().await;
            if ![202, 503].contains(&reply.status.as_u16()) || Instant::now() > deadline {
                return self.note(what, &[expected, &[200]].concat(), reply);
            }
        }
    }

    /// Counts a reply; gives the body of a success.
    fn note(&self, what: &str, expected: &[u16], reply: Reply) -> Option<Value> {
        let status = reply.status.as_u16();
        let code = reply.body["code"].as_str().unwrap_or_default();
        let mut seen = self.seen.lock().unwrap();
        *seen.replies.entry(format!("{what} {status} {code}")).or_default() += 1;
        if !expected.contains(&status) {
            seen.failures.push(format!("{what}: {reply:?}"));
        }
        reply.status.is_success().then_some(reply.body)
    }
}

/// When the last hold has ended no seat is held, by the database or in Redis, and what is not sold can be had.
async fn nothing_is_stranded(town: &Town, event: Uuid, seats: &[Uuid]) {
    eventually("all holds have ended", Duration::from_secs(90), || async {
        let held = "select count(*) from reservation_service.seat_assignments where state = 'HELD'";
        tokio::time::sleep(Duration::from_millis(200)).await;
        (town.count(held).await == 0 && town.holds_in_redis().await == 0).then_some(())
    })
    .await;
    let fans = town.fans(event, WITNESSES).await;
    let path = format!("/reservations/seats/{event}");
    let replicas = [town.at(Part::Reservation), town.at(Part::SecondReservation)];
    for replica in &replicas {
        let map = replica.as_user(fans[0].id).get(&path).await.expect(200);
        let all = map["seats"].as_array().unwrap();
        assert_eq!(all.len(), seats.len());
        let free: Vec<Uuid> = all
            .iter()
            .filter(|seat| seat["status"] == "AVAILABLE")
            .map(|seat| id(&seat["id"]))
            .collect();
        assert!(all.iter().all(|seat| seat["status"] != "HOLD"), "{map}");
        for (fan, wish) in fans.iter().zip(free.chunks(4)) {
            let hold = fan.hold(replica, wish).await.expect(201);
            release(replica, fan, &hold).await;
        }
    }
}
