//! Redis is lost at every step of every flow of the waiting line (§8.1, I6, I7): the queue service is held between two steps,
//! Redis is restarted as it was, restarted empty, or away for some seconds and then empty, and the service goes on. Nothing
//! else is restarted. Which loss meets which scene is decided by a seed; `TICKET_QUEUE_SEED` repeats it, the next two numbers
//! give each scene the other two.

use super::{
    QUICK, at,
    line::{Line, Waiter},
    seed,
    shopper::insist,
};
use crate::streams::until;
use serde_json::json;
use std::time::Duration;
use system_tests::{Hold, Outcome, Part, System};
use test_support::{Servers, TestEnv, eventually, servers::OwnRedis};
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(60);

/// What happens to Redis.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Restarted with what it had written.
    Restarted,
    /// Restarted without anything.
    Emptied,
    /// Away while the service goes on, then there without anything.
    Away,
}

/// The points at which the service is held, together, in each scene.
const BUYERS: [[&str; 5]; 2] = [
    [
        "queue.enter.claimed",
        "queue.enter.placed",
        "queue.leave.noted",
        "queue.poll.claimed",
        "queue.admission.judged",
    ],
    [
        "queue.enter.registered",
        "queue.enter.confirmed",
        "queue.leave.place-gone",
        "queue.poll.published",
        "queue.admission.granted",
    ],
];
/// While Redis is being recovered from, and lost again.
const RECOVERY: [&[&str]; 4] = [
    &["queue.epoch.recorded"],
    &["queue.epoch.marked", "queue.restore.claimed"],
    &["queue.count-in.listed", "queue.restore.placed"],
    &["queue.count-in.counted"],
];

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_lost_at_each_step_and_nobody_who_comes_back_loses_a_place() {
    let redis = match OwnRedis::start().await {
        Ok(redis) => redis,
        Err(missing) => return missing.report(),
    };
    let servers = Servers {
        redis: redis.url(),
        ..Servers::shared()
    };
    let settings = [
        ("QUEUE_RECOVERY_PAUSE_SECONDS", "1"),
        ("QUEUE_STREAM_TICK_MILLIS", "100"),
        ("QUEUE_STREAM_POLL_SECONDS", "0.5"),
        ("HOLD_REBUILD_CHECK_SECONDS", "0.2"),
    ];
    let all: Vec<_> = QUICK.iter().chain(&settings).copied().collect();
    let system = System::start_in(TestEnv::on(servers).await, &all).await;
    let (seed, mut town) = (seed(), Town { system, redis });
    let losses = [Loss::Restarted, Loss::Emptied, Loss::Away];
    let loss = |scene: usize| losses[usize::try_from(seed % 3).unwrap_or(0).wrapping_add(scene) % 3];
    for (scene, points) in BUYERS.into_iter().enumerate() {
        let context = format!(
            "{points:?}, {:?}, seed {seed}, logs {}",
            loss(scene),
            town.system.logs()
        );
        Box::pin(at(&context, town.everybody_is_about(points, loss(scene)))).await;
    }
    for (scene, points) in RECOVERY.into_iter().enumerate() {
        let context = format!(
            "{points:?}, {:?}, seed {seed}, logs {}",
            loss(scene),
            town.system.logs()
        );
        at(&context, town.lost_again(points, loss(scene))).await;
    }
    let context = format!("services, {:?}, seed {seed}, logs {}", loss(1), town.system.logs());
    Box::pin(at(&context, town.other_services_are_about(loss(1)))).await;
    at(&format!("the end, seed {seed}"), town.system.audit()).await;
}

/// A system and its Redis.
struct Town {
    system: System,
    redis: OwnRedis,
}

impl Town {
    async fn held(&self, point: &str) {
        self.system.wait_until_held(Part::Queue, point).await;
    }

    fn let_go(&self, points: &[&str]) {
        for point in points {
            self.system.let_go(Part::Queue, point);
        }
    }

    /// Loses Redis while the service is held at the points, and lets it go.
    async fn lose(&mut self, loss: Loss, points: &[&str], buyer: &Waiter) {
        self.redis.kill().await;
        if matches!(loss, Loss::Away) {
            self.let_go(points);
            buyer.is_asked_to_come_again(&self.system).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        match loss {
            Loss::Restarted => self.redis.restart().await,
            Loss::Emptied | Loss::Away => self.redis.restart_empty().await,
        }
        if !matches!(loss, Loss::Away) {
            self.let_go(points);
        }
    }

    async fn waiter(&self, line: &Line) -> Waiter {
        Waiter::of(&self.system, line).await
    }

    async fn epoch(&self) -> i64 {
        let statement = "SELECT coalesce(max(epoch), 0) FROM queue_service.epochs";
        system_tests::count(&self.system.env().superuser_url(), statement).await
    }

    /// Buyers in every state are in the middle of something.
    async fn everybody_is_about(&mut self, points: [&str; 5], loss: Loss) {
        let line = Line::paused(&self.system).await;
        let (holding, paying, inside) = (
            self.waiter(&line).await,
            self.waiter(&line).await,
            self.waiter(&line).await,
        );
        line.set(json!({"paused": false, "maxActive": 5})).await;
        let mut tokens = Vec::new();
        for waiter in [&holding, &paying, &inside] {
            waiter.enter().await;
            tokens.push(waiter.admitted().await);
        }
        let held: Hold = holding.hold(&tokens[0]).await;
        let paid: Hold = paying.hold(&tokens[1]).await;
        let (key, window) = paying.buyer.pay_in_window(&paid, Outcome::Pay).await;
        let leaving = self.waiter(&line).await;
        leaving.enter().await;
        let _token = leaving.admitted().await;
        let chosen = self.waiter(&line).await;
        let [early, late, leave, poll, admission] = points;
        let after_the_grant = admission == "queue.admission.granted";
        if after_the_grant {
            self.system.hold(Part::Queue, admission);
        }
        chosen.enter().await;
        if after_the_grant {
            self.held(admission).await;
        }
        line.admits(5).await;
        let (first, second, third) = (
            self.waiter(&line).await,
            self.waiter(&line).await,
            self.waiter(&line).await,
        );
        let (streaming, ticketless) = (self.waiter(&line).await, self.waiter(&line).await);
        for waiter in [&first, &second, &streaming, &third, &ticketless] {
            waiter.enter().await;
        }
        let mut stream = streaming.stream().await;
        let _place = until(&mut stream, "position").await;
        for waiter in [&holding, &paying, &inside] {
            waiter.returns().await;
        }

        let newcomers = [self.waiter(&line).await, self.waiter(&line).await];
        let mut doing: Vec<JoinHandle<()>> = Vec::new();
        for (point, newcomer) in [early, late].into_iter().zip(&newcomers) {
            self.system.hold(Part::Queue, point);
            let newcomer = newcomer.clone();
            doing.push(tokio::spawn(async move { drop(newcomer.enter().await) }));
            self.held(point).await;
        }
        self.system.hold(Part::Queue, leave);
        let gone = leaving.clone();
        doing.push(tokio::spawn(async move { gone.leave().await }));
        self.held(leave).await;
        self.system.hold(Part::Queue, poll);
        let polling = chosen.clone();
        doing.push(tokio::spawn(async move { drop(polling.returns().await) }));
        self.held(poll).await;
        if !after_the_grant {
            self.system.hold(Part::Queue, admission);
            self.held(admission).await;
        }
        let epoch = self.epoch().await;
        self.lose(loss, &points, &first).await;
        for one in doing {
            one.await.expect("it gets an answer");
        }

        // The wrong way round, and the one without a ticket first of all.
        ticketless.returns_without_ticket().await;
        for waiter in [&third, &second, &first, &inside, &paying, &holding] {
            waiter.returns().await;
        }
        chosen.returns().await;
        assert_eq!(self.epoch().await, epoch + 1);
        assert_eq!(leaving.reason().await, "LEFT");
        let stranger = self.waiter(&line).await;
        stranger.take_ticket_of(&first).await;
        assert_eq!(stranger.reason_without_event().await, "");
        for (waiter, token) in [&holding, &paying, &inside].into_iter().zip(&tokens) {
            assert_eq!(waiter.admitted().await, *token, "the same token for the same grant");
        }
        // Whoever was to be in is, whoever left is not, and so the next one is; five in all.
        chosen.admitted().await;
        first.admitted().await;
        line.admits(5).await;
        eventually("the others stand as they stood", SOON, || async {
            let place = async |waiter: &Waiter| insist(|| waiter.poll()).await.expect(200)["position"].as_u64();
            let places = [place(&second).await, place(&third).await];
            let mut behind = [
                place(&ticketless).await,
                place(&newcomers[0]).await,
                place(&newcomers[1]).await,
            ];
            behind.sort_unstable();
            (places == [Some(1), Some(3)] && behind == [Some(4), Some(5), Some(6)]).then_some(())
        })
        .await;

        let _payment = insist(|| paying.buyer.confirm(key, &window)).await.expect(200);
        let _confirmed = paying.buyer.wait_for(paid.reservation_id, "CONFIRMED").await;
        second.admitted().await;
        holding.buys(&held).await;
        let _admitted = until(&mut stream, "admitted").await;
        line.set(json!({"maxActive": 50})).await;
        for waiter in [&third, &ticketless, &newcomers[0], &newcomers[1]] {
            waiter.admitted().await;
        }
        line.cancel_event().await;
    }

    /// Redis is lost, and once more in the middle of the recovery.
    async fn lost_again(&mut self, points: &[&str], loss: Loss) {
        let line = Line::paused(&self.system).await;
        let holding = self.waiter(&line).await;
        line.set(json!({"paused": false, "maxActive": 1})).await;
        holding.enter().await;
        let token = holding.admitted().await;
        let held = holding.hold(&token).await;
        let (first, second, third) = (
            self.waiter(&line).await,
            self.waiter(&line).await,
            self.waiter(&line).await,
        );
        for waiter in [&first, &second, &third] {
            waiter.enter().await;
        }
        // The first point is the admission loop's, the second that of who comes back.
        self.system.hold(Part::Queue, points[0]);
        self.lose(Loss::Emptied, &[], &first).await;
        if points[0].starts_with("queue.count-in") {
            // Admission looks at a line in which somebody is.
            third.returns().await;
        }
        self.held(points[0]).await;
        for point in &points[1..] {
            self.system.hold(Part::Queue, point);
        }
        let returning = second.clone();
        let returned = tokio::spawn(async move { drop(returning.returns().await) });
        for point in &points[1..] {
            self.held(point).await;
        }
        self.lose(loss, points, &first).await;
        returned.await.expect("the second comes back");
        for waiter in [&third, &second, &first] {
            waiter.returns().await;
        }
        line.admits(1).await;
        line.stands(&[&first, &second, &third]).await;
        // Also when nobody who holds seats came: the place was counted in.
        assert_eq!(holding.admitted().await, token);
        holding.buys(&held).await;
        first.admitted().await;
        line.stands(&[&second, &third]).await;
        line.cancel_event().await;
    }

    /// An administrator, the reservation service and messages are in the middle of something.
    async fn other_services_are_about(&mut self, loss: Loss) {
        const POINTS: [&str; 4] = [
            "queue.payment-token.place-extended",
            "queue.payment-token.issued",
            "queue.settings.committed",
            "queue.release.place-gone",
        ];
        let (line, ending) = (Line::paused(&self.system).await, Line::paused(&self.system).await);
        line.set(json!({"paused": false, "maxActive": 3})).await;
        let (one, other, buying, next, lost) = (
            self.waiter(&line).await,
            self.waiter(&line).await,
            self.waiter(&line).await,
            self.waiter(&line).await,
            self.waiter(&ending).await,
        );
        let mut tokens = Vec::new();
        for waiter in [&one, &other, &buying] {
            waiter.enter().await;
            tokens.push(waiter.admitted().await);
        }
        next.enter().await;
        lost.enter().await;
        let bought = buying.hold(&tokens[2]).await;
        let (key, window) = buying.buyer.pay_in_window(&bought, Outcome::Pay).await;
        let ticketed = buying.refreshed().await;

        let mut doing: Vec<JoinHandle<()>> = Vec::new();
        for (point, (waiter, token)) in POINTS.into_iter().zip([&one, &other].into_iter().zip(&tokens)) {
            self.system.hold(Part::Queue, point);
            let (waiter, token) = (waiter.clone(), token.clone());
            doing.push(tokio::spawn(async move {
                let hold = waiter.hold(&token).await;
                waiter.buys(&hold).await;
            }));
            self.held(point).await;
        }
        self.system.hold(Part::Queue, POINTS[2]);
        let administered = line.clone();
        doing.push(tokio::spawn(async move {
            drop(administered.set(json!({"maxActive": 2})).await);
        }));
        self.held(POINTS[2]).await;
        self.system.hold(Part::Queue, POINTS[3]);
        let payer = buying.clone();
        doing.push(tokio::spawn(async move {
            let _payment = insist(|| payer.buyer.confirm(key, &window)).await.expect(200);
        }));
        self.held(POINTS[3]).await;
        self.lose(loss, &POINTS, &next).await;
        for waiter in [&next, &lost] {
            waiter.returns().await;
        }
        // Who has bought is not let in once more by the ticket of before, once the message has come again.
        ticketed.is_nowhere().await;
        let _confirmed = buying.buyer.wait_for(bought.reservation_id, "CONFIRMED").await;
        for one in doing {
            one.await.expect("it comes to its end");
        }
        assert_eq!(line.stats().await["maxActive"], 2);
        next.admitted().await;

        // An event ends just then.
        let closing = ["queue.close.line-gone"];
        self.system.hold(Part::Queue, closing[0]);
        ending.cancel_event().await;
        self.held(closing[0]).await;
        self.lose(loss, &closing, &next).await;
        lost.is_nowhere().await;
        next.returns().await;
        line.admits(1).await;
    }
}
