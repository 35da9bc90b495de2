//! Redis comes back without what it did in its last second.

use crate::{
    helpers::{Buyer, SOON, World, text},
    messages::Others,
};
use serde_json::json;
use sqlx::PgPool;
use test_support::{TestEnv, eventually};
use uuid::Uuid;

/// Everything in Redis.
struct Memory(Vec<(Vec<u8>, Vec<u8>)>);

impl Memory {
    async fn of(world: &World) -> Self {
        let mut redis = world.redis().await;
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
        let mut values = Vec::new();
        for key in keys {
            let value: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(&mut redis).await.unwrap();
            values.extend(value.map(|value| (key, value)));
        }
        Self(values)
    }

    /// As a restart does that finds this in the file: all of it at once, and nothing else. The mark is of the run before, so
    /// that the loss is noticed.
    async fn come_back(&self, world: &World) {
        let mut restart = redis::pipe();
        restart.atomic().cmd("FLUSHDB").ignore();
        for (key, value) in self.0.iter().filter(|(key, _)| key != b"queue:epoch") {
            restart.cmd("RESTORE").arg(key).arg(0).arg(value).ignore();
        }
        restart.exec_async(&mut world.redis().await).await.unwrap();
    }
}

async fn active(world: &World, buyer: &Buyer, event: Uuid) -> String {
    let token = text(&buyer.admitted().await, "queueToken");
    text(&world.is_valid(&token, buyer.id, event).await, "grantId")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_bought_in_it_is_sent_out_again_and_the_next_one_gets_the_place() {
    let env = TestEnv::new().await.with_topics().await;
    let settings = [("QUEUE_RECOVERY_PAUSE_SECONDS", "1"), ("MAX_ACTIVE", "2")];
    let world = World::start(env, &settings, 1).await;
    let database = PgPool::connect(&world.env.superuser_url()).await.unwrap();
    let others = Others::new(&world);
    let (event, buyer, inside, next) = (world.neighbours.event(), world.buyer(), world.buyer(), world.buyer());
    buyer.enter(event).await;
    let grant = active(&world, &buyer, event).await;
    inside.enter(event).await;
    let kept = inside.admitted().await;
    next.enter(event).await;

    let before = Memory::of(&world).await;
    others.say(&others.confirmed(&buyer, event, &grant)).await;
    eventually("the message is done with", SOON, || async {
        let heard: i64 = sqlx::query_scalar("SELECT count(*) FROM queue_service.processed_events")
            .fetch_one(&database)
            .await
            .unwrap();
        (heard == 1).then_some(())
    })
    .await;
    before.come_back(&world).await;

    // Not by the place's own end, which is minutes away.
    next.admitted().await;
    buyer.gone(event).await;
    let status = inside.status().await.expect(200);
    assert_eq!(status["queueToken"], kept["queueToken"], "who has bought nothing stays");
    assert_eq!(world.stats(event).await["active"], json!(2));
}
