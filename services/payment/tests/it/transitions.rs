//! The database's own guards: what no statement of ours may do (I5).

use crate::world::World;
use uuid::Uuid;

async fn constraint(world: &World, statement: &'static str, id: Uuid) -> String {
    let error = sqlx::query(statement).bind(id).execute(&world.db).await.unwrap_err();
    error
        .as_database_error()
        .unwrap()
        .constraint()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_transitions_of_the_state_machine_are_possible() {
    let world = World::start().await;
    let (paid, pending) = (world.paid().await, world.unconfirmed().await);
    let back = "update payment_service.payments set status = 'PENDING', captured = false where id = $1";
    assert_eq!(constraint(&world, back, paid.id).await, "payments_transition");
    let fail = "update payment_service.payments set status = 'FAILED', failure_reason = 'X' where id = $1";
    assert_eq!(constraint(&world, fail, paid.id).await, "payments_transition");
    let refund = "update payment_service.payments set status = 'REFUNDED', captured = true where id = $1";
    assert_eq!(constraint(&world, refund, pending.id).await, "payments_transition");

    world.run(fail, pending.id).await;
    assert_eq!(constraint(&world, back, pending.id).await, "payments_transition");
    let without_capture = "update payment_service.payments set status = 'REFUNDED' where id = $1";
    assert_eq!(
        constraint(&world, without_capture, pending.id).await,
        "payments_transition"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn success_needs_a_capture_and_failure_a_reason() {
    let world = World::start().await;
    let payment = world.confirming(1.0).await;
    let success = "update payment_service.payments set status = 'SUCCESS' where id = $1";
    assert_eq!(constraint(&world, success, payment.id).await, "payments_success");
    let failed = "update payment_service.payments set status = 'FAILED' where id = $1";
    assert_eq!(constraint(&world, failed, payment.id).await, "payments_failure_reason");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_has_one_live_payment() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    let copy = "
        insert into payment_service.payments (
            id, reservation_id, user_id, payment_key, payment_method, amount, concert_id, seat_ids,
            reservation_version, order_name, expires_at
        )
        select
            gen_random_uuid(), reservation_id, user_id, gen_random_uuid(), payment_method, amount, concert_id, seat_ids,
            reservation_version, order_name, expires_at
        from payment_service.payments
        where id = $1";
    assert_eq!(
        constraint(&world, copy, payment.id).await,
        "payments_one_live_per_reservation"
    );
}
