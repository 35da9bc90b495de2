use crate::helpers::{SOON, World};
use common::internal_auth::Service;
use serde_json::json;
use std::net::SocketAddr;
use test_support::{TestEnv, eventually};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use uuid::Uuid;

/// A wire to Redis that can be cut.
struct Wire {
    address: SocketAddr,
    upstream: String,
    tasks: JoinSet<()>,
}

impl Wire {
    async fn to(upstream: &str) -> Self {
        let mut wire = Self {
            address: ([127, 0, 0, 1], 0).into(),
            upstream: upstream.to_owned(),
            tasks: JoinSet::new(),
        };
        wire.mend().await;
        wire
    }

    async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let upstream = self.upstream.clone();
        self.tasks.spawn(async move {
            // Dropped with this task, and every connection with it.
            let mut connections = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let upstream = upstream.clone();
                connections.spawn(async move {
                    let mut far = TcpStream::connect(upstream).await.unwrap();
                    let _closed = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
    }

    async fn cut(&mut self) {
        self.tasks.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_everything_is_503_and_afterwards_goes_on_without_a_restart() {
    let env = TestEnv::new().await;
    let (server, database) = env.redis_url().trim_start_matches("redis://").split_once('/').unwrap();
    let mut wire = Wire::to(server).await;
    let url = format!("redis://{}/{database}", wire.address);
    let world = World::start(env, &[("REDIS_URL", &url)], 1).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    buyer.enter(event).await;
    let admitted = buyer.admitted().await;

    wire.cut().await;
    let question =
        json!({"token": admitted["queueToken"], "type": "RESERVATION", "userId": buyer.id, "eventId": event});
    let issue = json!({"userId": buyer.id, "eventId": event, "reservationId": Uuid::now_v7()});
    let replies = [
        buyer.status().await,
        buyer.try_enter(event).await,
        buyer.api.delete("/queue/leave").await,
        world.admin().get(&format!("/queue/admin/stats?eventId={event}")).await,
        world
            .service(Service::Reservation)
            .post("/internal/queue/tokens/validate", &question)
            .await,
        world
            .service(Service::Reservation)
            .post("/internal/queue/payment-tokens", &issue)
            .await,
    ];
    for reply in replies {
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
        reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    }

    wire.mend().await;
    let again = eventually("the service goes on", SOON, || async {
        let reply = buyer.status().await;
        (reply.status == 200).then_some(reply.body)
    })
    .await;
    assert_eq!(again["queueToken"], admitted["queueToken"]);
    let other = world.buyer();
    other.enter(event).await;
    other.admitted().await;
}
