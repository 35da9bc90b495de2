//! The waiting line (§8.1): the queue service dies at each step of entering, polling, leaving, admitting, ending places and
//! recovering from a loss of Redis. Who was about asks again; the places of those who stood before and behind are as they were,
//! nobody has two tokens, and nobody is in who should not be.

use super::{
    at,
    line::{Line, Waiter, forget_redis},
    seed,
    shopper::insist,
    system,
};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;
use system_tests::{Outcome, Part, System};

/// What the buyer, or somebody else, does when the service dies.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Enter,
    PollOnceAdmitted,
    LeaveTheLine,
    LeaveOnceAdmitted,
    Admit,
    RetireAnEmptyLine,
    AskForAPaymentToken,
    Buy,
    ChangeTheSettings,
    CancelTheEvent,
    NoticeALoss,
    ComeBackWithATicket,
    CountInWhoHoldsSeats,
}

use Deed::*;

const STEPS: [(&str, Deed); 23] = [
    ("queue.enter.claimed", Enter),
    ("queue.enter.registered", Enter),
    ("queue.enter.placed", Enter),
    ("queue.enter.confirmed", Enter),
    ("queue.poll.claimed", PollOnceAdmitted),
    ("queue.poll.published", PollOnceAdmitted),
    ("queue.leave.noted", LeaveTheLine),
    ("queue.leave.place-gone", LeaveOnceAdmitted),
    ("queue.admission.judged", Admit),
    ("queue.admission.granted", Admit),
    ("queue.admission.line-empty", RetireAnEmptyLine),
    ("queue.payment-token.place-extended", AskForAPaymentToken),
    ("queue.payment-token.issued", AskForAPaymentToken),
    ("queue.release.place-gone", Buy),
    ("queue.settings.committed", ChangeTheSettings),
    ("queue.close.line-gone", CancelTheEvent),
    ("queue.close.closed", CancelTheEvent),
    ("queue.epoch.recorded", NoticeALoss),
    ("queue.epoch.marked", NoticeALoss),
    ("queue.restore.claimed", ComeBackWithATicket),
    ("queue.restore.placed", ComeBackWithATicket),
    ("queue.count-in.listed", CountInWhoHoldsSeats),
    ("queue.count-in.counted", CountInWhoHoldsSeats),
];

/// The points that the test below reaches.
pub(super) fn points() -> impl Iterator<Item = &'static str> {
    STEPS.into_iter().map(|(point, _)| point)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_dies_at_each_step_and_everybody_stands_where_he_stood() {
    let seed = seed();
    let mut order = STEPS;
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut system = system(&[("QUEUE_RECOVERY_PAUSE_SECONDS", "1")]).await;
    for (point, deed) in order {
        let context = format!("{point}, {deed:?}, seed {seed}, logs {}", system.logs());
        let scene = Scene::set(&system).await;
        Box::pin(at(&context, scene.play(&mut system, point, deed))).await;
    }
    at(&format!("the end, seed {seed}"), system.audit()).await;
}

/// One line, in which one buyer acts between two who stand still.
struct Scene {
    line: Line,
    first: Waiter,
    actor: Waiter,
    last: Waiter,
}

impl Scene {
    async fn set(system: &System) -> Self {
        let line = Line::paused(system).await;
        let (first, actor, last) = tokio::join!(
            Waiter::of(system, &line),
            Waiter::of(system, &line),
            Waiter::of(system, &line)
        );
        Self {
            line,
            first,
            actor,
            last,
        }
    }

    /// Dies at the point while the deed is done, and starts again.
    async fn die<T>(&self, system: &mut System, deed: impl Future<Output = T>) {
        let dying = async {
            system.wait_for_death(Part::Queue).await;
            system.restart(Part::Queue).await;
        };
        let ((), _done) = tokio::join!(dying, deed);
    }

    async fn all_enter(&self) {
        for waiter in [&self.first, &self.actor, &self.last] {
            waiter.enter().await;
        }
    }

    async fn play(&self, system: &mut System, point: &'static str, deed: Deed) {
        if matches!(deed, Enter) {
            self.first.enter().await;
            system.arm(Part::Queue, point);
            let actor = self.actor.clone();
            let entered = async { actor.enter().await };
            self.die(system, entered).await;
            self.actor.enter().await;
            self.last.enter().await;
            self.line.stands(&[&self.first, &self.actor, &self.last]).await;
            return self.all_are_admitted().await;
        }
        self.all_enter().await;
        match deed {
            Enter => {}
            PollOnceAdmitted => {
                self.line.set(json!({"paused": false})).await;
                self.line.admits(3).await;
                system.arm(Part::Queue, point);
                let actor = self.actor.clone();
                self.die(system, async { drop(actor.admitted().await) }).await;
                self.all_are_admitted().await;
            }
            LeaveTheLine => {
                system.arm(Part::Queue, point);
                let actor = self.actor.clone();
                self.die(system, async { actor.leave().await }).await;
                assert_eq!(self.actor.reason().await, "LEFT");
                self.line.stands(&[&self.first, &self.last]).await;
                // Nor does the old ticket bring it back.
                forget_redis(system).await;
                assert_eq!(self.actor.reason().await, "LEFT");
                self.last.returns().await;
                self.first.returns().await;
                self.line.stands(&[&self.first, &self.last]).await;
            }
            LeaveOnceAdmitted => {
                self.line.set(json!({"paused": false, "maxActive": 2})).await;
                self.first.admitted().await;
                let token = self.actor.admitted().await;
                system.arm(Part::Queue, point);
                let actor = self.actor.clone();
                self.die(system, async { actor.leave().await }).await;
                assert_eq!(self.actor.reason().await, "LEFT");
                self.last.admitted().await;
                self.actor.is_refused(&token).await;
            }
            Admit => {
                system.arm(Part::Queue, point);
                let opened = self.line.set(json!({"paused": false, "maxActive": 1}));
                self.die(system, async { drop(opened.await) }).await;
                self.first.admitted().await;
                assert_eq!(self.line.stats().await["active"], 1);
                self.line.stands(&[&self.actor, &self.last]).await;
                self.line.set(json!({"maxActive": 3})).await;
                self.all_are_admitted().await;
            }
            RetireAnEmptyLine => {
                system.arm(Part::Queue, point);
                let (first, actor, last) = (self.first.clone(), self.actor.clone(), self.last.clone());
                let leave = async {
                    first.leave().await;
                    actor.leave().await;
                    last.leave().await;
                };
                self.die(system, leave).await;
                self.line.set(json!({"paused": false})).await;
                self.all_enter().await;
                self.all_are_admitted().await;
            }
            AskForAPaymentToken => {
                self.line.set(json!({"paused": false})).await;
                let token = self.actor.admitted().await;
                system.arm(Part::Queue, point);
                let (actor, sale) = (self.actor.clone(), self.line.sale.clone());
                let held = async {
                    let seats = actor.buyer.free_seats(&sale, 1).await;
                    let reply = insist(|| actor.buyer.try_hold(&sale, &token, &seats)).await;
                    assert!(reply.status.is_success(), "{reply:?}");
                };
                self.die(system, held).await;
                let hold = self.actor.hold(&token).await;
                let _payment = self.actor.buyer.pay(&hold).await;
                let _confirmed = self.actor.buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
            }
            Buy => {
                self.line.set(json!({"paused": false, "maxActive": 2})).await;
                self.first.admitted().await;
                let token = self.actor.admitted().await;
                let hold = self.actor.hold(&token).await;
                let ticketed = self.actor.refreshed().await;
                system.arm(Part::Queue, point);
                let (key, window) = self.actor.buyer.pay_in_window(&hold, Outcome::Pay).await;
                let actor = self.actor.clone();
                let paid = async { drop(insist(|| actor.buyer.confirm(key, &window)).await.expect(200)) };
                self.die(system, paid).await;
                self.last.admitted().await;
                self.actor.is_refused(&token).await;
                // Nor does the old ticket bring the place back, once the message has come again.
                forget_redis(system).await;
                ticketed.is_nowhere().await;
                self.first.returns().await;
                self.last.returns().await;
                self.line.admits(2).await;
            }
            ChangeTheSettings => {
                system.arm(Part::Queue, point);
                let line = self.line.clone();
                self.die(system, async {
                    drop(line.set(json!({"maxActive": 2, "paused": false})).await);
                })
                .await;
                self.first.admitted().await;
                self.actor.admitted().await;
                assert_eq!(self.line.stats().await["maxActive"], 2);
                self.line.stands(&[&self.last]).await;
            }
            CancelTheEvent => {
                self.line.set(json!({"paused": false, "maxActive": 2})).await;
                self.first.admitted().await;
                let token = self.actor.admitted().await;
                system.arm(Part::Queue, point);
                let line = self.line.clone();
                self.die(system, async { line.cancel_event().await }).await;
                for waiter in [&self.first, &self.actor, &self.last] {
                    waiter.is_closed().await;
                }
                self.actor.is_refused(&token).await;
            }
            NoticeALoss => {
                system.arm(Part::Queue, point);
                forget_redis(system).await;
                self.die(system, async {}).await;
                self.all_return().await;
            }
            ComeBackWithATicket => {
                forget_redis(system).await;
                system.arm(Part::Queue, point);
                let actor = self.actor.clone();
                self.die(system, async { actor.returns().await }).await;
                self.all_return().await;
            }
            CountInWhoHoldsSeats => {
                self.line.set(json!({"paused": false, "maxActive": 2})).await;
                self.first.admitted().await;
                let token = self.actor.admitted().await;
                let _hold = self.actor.hold(&token).await;
                system.arm(Part::Queue, point);
                forget_redis(system).await;
                // Admission looks at a line in which somebody is.
                self.die(system, self.last.returns()).await;
                self.first.returns().await;
                self.line.admits(2).await;
                assert_eq!(self.actor.admitted().await, token, "the same token for the same grant");
                self.line.stands(&[&self.last]).await;
            }
        }
    }

    /// After a loss: in the wrong order, with the tickets of before.
    async fn all_return(&self) {
        for waiter in [&self.last, &self.actor, &self.first] {
            waiter.returns().await;
        }
        self.line.stands(&[&self.first, &self.actor, &self.last]).await;
        self.all_are_admitted().await;
    }

    /// Once each, with one token.
    async fn all_are_admitted(&self) {
        self.line.set(json!({"paused": false})).await;
        for waiter in [&self.first, &self.actor, &self.last] {
            let token = waiter.admitted().await;
            assert_eq!(waiter.admitted().await, token, "two tokens for one grant");
            let hold = waiter.hold(&token).await;
            let _released = waiter.release(&hold).await;
        }
        assert_eq!(self.line.stats().await["active"], 3);
    }
}
