use crate::town::{Part, Town};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use test_support::{Api, Reply, eventually};
use tokio::{sync::Semaphore, task::JoinSet};
use uuid::Uuid;

/// How many of a crowd are at the door at once, where it does not matter; the crowd's own work is on the same two cores.
const AT_THE_DOOR: usize = 128;

/// Somebody with a place: a real `qr_` of the queue service.
#[derive(Clone)]
pub(crate) struct Fan {
    pub(crate) id: Uuid,
    pub(crate) event: Uuid,
    pub(crate) token: String,
}

impl Fan {
    /// Enters the queue and waits for admission.
    pub(crate) async fn admitted(queue: &Api, id: Uuid, event: Uuid) -> Self {
        let queue = queue.as_user(id);
        let _place = queue.post("/queue/enter", &json!({"eventId": event})).await.expect(200);
        let path = format!("/queue/status?eventId={event}");
        let token = eventually("an admission", Duration::from_secs(60), || async {
            let status = queue.get(&path).await.expect(200);
            status["queueToken"].as_str().map(str::to_owned)
        })
        .await;
        Self { id, event, token }
    }

    /// A request for seats.
    pub(crate) async fn hold(&self, reservation_service: &Api, seats: &[Uuid]) -> Reply {
        reservation_service
            .as_user(self.id)
            .with_header("x-queue-token", &self.token)
            .post("/reservations/hold", &json!({"eventId": self.event, "seatIds": seats}))
            .await
    }
}

impl Town {
    /// So many people whom the queue has let in.
    pub(crate) async fn fans(&self, event: Uuid, count: usize) -> Vec<Fan> {
        let queue = self.at(Part::Queue);
        let door = Arc::new(Semaphore::new(AT_THE_DOOR));
        let mut coming = JoinSet::new();
        for _ in 0..count {
            let (queue, door) = (queue.clone(), Arc::clone(&door));
            coming.spawn(async move {
                let _turn = door.acquire().await.unwrap();
                Fan::admitted(&queue, Uuid::now_v7(), event).await
            });
        }
        coming.join_all().await
    }
}
