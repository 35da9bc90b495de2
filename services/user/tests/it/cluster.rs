use crate::helpers::{Person, World};
use common::crypto::sha256_hex;
use redis::cmd;
use serde_json::json;
use std::time::Duration;
use test_support::{
    eventually,
    servers::{Missing, OwnRedisCluster},
};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cluster_a_logout_is_known_wherever_the_keys_lie_and_not_claimed_while_it_is_not() {
    let Ok(mut cluster) = OwnRedisCluster::start().await.inspect_err(Missing::report) else {
        return;
    };
    let world = World::start_with(&[("REDIS_CLUSTER_URLS", &cluster.urls())]).await;
    let lost = OwnRedisCluster::MASTERS - 1;
    let mut tried = false;
    // Until somebody needed the master that dies in between, and two more.
    for number in 0.. {
        let person = Person::numbered(number);
        let user = world.register(&person).await;
        let tokens = world.login(&person).await;
        let keys = [
            format!("token:blacklist:{}", sha256_hex(tokens.access.as_bytes())),
            format!("token:blacklist:sid:{}", tokens.session()),
        ];
        let masters = [cluster.master_of(&keys[0]).await, cluster.master_of(&keys[1]).await];
        let owner = world.as_owner(user, &tokens);
        if masters.contains(&lost) && !tried {
            cluster.node(lost).kill().await;
            let reply = owner.post("/auth/logout", &json!({})).await;
            assert!(reply.header("retry-after").is_some());
            reply.expect_problem(503, "SERVICE_UNAVAILABLE");
            cluster.restart(lost).await;
            tried = true;
        }
        // Lost or refused, it is asked for again.
        eventually("the logout", SOON, || async {
            (owner.post("/auth/logout", &json!({})).await.status == 204).then_some(())
        })
        .await;
        for key in &keys {
            assert!(cluster.ask_owner::<bool>(key, cmd("EXISTS").arg(key)).await, "{key}");
        }
        if tried && number >= 2 {
            return;
        }
    }
}
