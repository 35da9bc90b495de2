use super::{Buyer, Database, MINUTES};
use crate::{
    db,
    transitions::{CancelOutcome, cancel},
};
use messages::ReservationCancelled;
use std::time::Duration;
use test_support::TestEnv;
use uuid::Uuid;

impl Database {
    async fn cancelled(&self, seat: u128) -> Uuid {
        let buyer = Buyer::new();
        let id = self.held(buyer, &[seat], MINUTES).await;
        self.confirm(id).await;
        let mut transaction = self.pool.begin().await.unwrap();
        let outcome = cancel(&mut transaction, id, buyer.0).await.unwrap();
        assert!(matches!(outcome, CancelOutcome::Cancelled(_, Some(_))), "{outcome:?}");
        transaction.commit().await.unwrap();
        id
    }

    async fn set(&self, statement: &'static str, id: Uuid) {
        sqlx::query(statement).bind(id).execute(&self.pool).await.unwrap();
    }

    async fn long_due(&self, after: Duration) -> Vec<ReservationCancelled> {
        let mut connection = self.pool.acquire().await.unwrap();
        db::claim_long_due(&mut connection, after, 10).await.unwrap()
    }
}

#[tokio::test]
async fn each_refund_that_takes_long_is_reminded_of_ever_less_often() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (due, done) = (database.cancelled(1).await, database.cancelled(2).await);
    // Its message has not left yet.
    let waiting = database.cancelled(3).await;
    let an_hour_ago = "
        update reservation_service.reservations
        set refund_requested_at = refund_requested_at - interval '1 hour'
        where id = $1";
    for id in [due, done, waiting] {
        database.set(an_hour_ago, id).await;
    }
    database
        .set(
            "update reservation_service.reservations set refund_status = 'SUCCEEDED' where id = $1",
            done,
        )
        .await;
    database
        .set(
            "update common.outbox_events set published = true, published_at = clock_timestamp() where aggregate_id <> $1",
            waiting,
        )
        .await;

    assert!(database.long_due(Duration::from_secs(7200)).await.is_empty());
    let told = database.long_due(Duration::from_secs(600)).await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].reservation_id, told[0].was_confirmed), (due, true));
    assert_eq!(told[0].seat_ids, [Uuid::from_u128(1)]);
    assert_eq!(told[0].reservation_version, 3);
    assert!(database.long_due(Duration::from_secs(600)).await.is_empty());
    database
        .set(
            "update reservation_service.reservations set refund_remind_at = refund_remind_at - interval '59 minutes' where id = $1",
            due,
        )
        .await;
    assert!(
        database.long_due(Duration::from_secs(600)).await.is_empty(),
        "as long again as it has waited"
    );
    database
        .set(
            "update reservation_service.reservations set refund_remind_at = refund_remind_at - interval '2 minutes' where id = $1",
            due,
        )
        .await;
    assert_eq!(database.long_due(Duration::from_secs(600)).await.len(), 1);
}
