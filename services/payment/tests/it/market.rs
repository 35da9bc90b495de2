//! The service among its real neighbours: reservation and queue. Holds are put into the reservation service's tables, since
//! how they come about is its own tests' matter.

use common::internal_auth::Service;
use serde_json::json;
use std::ops::Deref;
use test_support::{Api, Login, Reply, Running, TestEnv, eventually};
use uuid::Uuid;

use crate::world::{AMOUNT, Given, SOON, World};

pub(crate) struct Market {
    world: World,
    queue: Running,
    _reservation: Running,
}

impl Deref for Market {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// Somebody's hold of two seats.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) reservation: Uuid,
    pub(crate) user: Uuid,
    pub(crate) concert: Uuid,
    pub(crate) token: String,
}

/// A payment that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) given: Given,
}

impl Market {
    pub(crate) async fn open() -> Self {
        Self::with(&[]).await
    }

    /// Messages stay in the outbox: no topics are made for them.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::start(TestEnv::new().await, settings).await
    }

    /// Messages travel.
    pub(crate) async fn with_topics(settings: &[(&str, &str)]) -> Self {
        Self::start(TestEnv::new().await.with_topics().await, settings).await
    }

    async fn start(mut env: TestEnv, settings: &[(&str, &str)]) -> Self {
        let config = queue_service::Config::from_env(&env.env(Some(Login::Queue))).unwrap();
        let queue = Running::start(queue_service::build(config).await.unwrap());
        env.set("QUEUE_SERVICE_URL", queue.url());
        let config = reservation_service::Config::from_env(&env.env(Some(Login::Reservation))).unwrap();
        let reservation = Running::start(reservation_service::build(config).await.unwrap());
        env.set("RESERVATION_SERVICE_URL", reservation.url());
        Self {
            world: World::with(env, settings).await,
            queue,
            _reservation: reservation,
        }
    }

    /// PortOne is gone.
    pub(crate) fn stop_portone(&mut self) {
        self.world.portone.stop();
    }

    /// A hold that lasts so many seconds more.
    pub(crate) async fn hold(&self, seconds: f64) -> Hold {
        let (reservation, user, concert) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let mut transaction = self.db.begin().await.unwrap();
        sqlx::query(
            r#"
                insert into reservation_service.reservations (
                    id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at,
                    grant_id
                )
                values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5), 'A concert',
                    clock_timestamp() + interval '30 days', clock_timestamp() + interval '31 days', 'grant')
            "#,
        )
        .bind(reservation)
        .bind(user)
        .bind(concert)
        .bind(AMOUNT)
        .bind(seconds)
        .execute(&mut *transaction)
        .await
        .unwrap();
        for number in ["A-1", "A-2"] {
            let seat = Uuid::now_v7();
            sqlx::query(
                r#"
                    insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
                    values ($1, $2, $3, 'VIP', $4)
                "#,
            )
            .bind(reservation)
            .bind(seat)
            .bind(number)
            .bind(AMOUNT / 2)
            .execute(&mut *transaction)
            .await
            .unwrap();
            sqlx::query(
                r#"
                    insert into reservation_service.seat_assignments (event_id, seat_id, reservation_id, state, expires_at)
                    values ($1, $2, $3, 'HELD', clock_timestamp() + make_interval(secs => $4))
                "#,
            )
            .bind(concert)
            .bind(seat)
            .bind(reservation)
            .bind(seconds)
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
        transaction.commit().await.unwrap();
        let token = self.payment_token(reservation, user, concert).await;
        Hold {
            reservation,
            user,
            concert,
            token,
        }
    }

    async fn payment_token(&self, reservation: Uuid, user: Uuid, concert: Uuid) -> String {
        let queue = Api::as_service(&self.queue.url(), Service::Reservation);
        let request = json!({"userId": user, "eventId": concert, "reservationId": reservation});
        let issued = queue.post("/internal/queue/payment-tokens", &request).await.expect(201);
        issued["paymentToken"].as_str().unwrap().to_owned()
    }

    /// POST /payments with this key.
    pub(crate) async fn create(&self, hold: &Hold, key: Uuid) -> Reply {
        let body = json!({"reservationId": hold.reservation, "paymentKey": key, "paymentMethod": "CARD"});
        self.as_user(hold.user)
            .with_header("x-queue-token", &hold.token)
            .post("/payments", &body)
            .await
    }

    /// A payment for the hold.
    pub(crate) async fn begin(&self, hold: &Hold) -> Begun {
        let key = Uuid::now_v7();
        let created = self.create(hold, key).await.expect(201);
        let id = created["paymentId"].as_str().unwrap().parse().unwrap();
        Begun {
            given: Given {
                id,
                reservation: hold.reservation,
                user: hold.user,
                key,
            },
        }
    }

    pub(crate) async fn confirm(&self, payment: Begun, token: &str) -> Reply {
        let body = json!({"paymentKey": payment.given.key, "paymentToken": token});
        self.as_user(payment.given.user).post("/payments/confirm", &body).await
    }

    /// The buyer authorises in the window, or whatever `outcome` says, and the payment is confirmed.
    pub(crate) async fn pay(&self, payment: Begun, outcome: &str) -> Reply {
        let token = self.portone.window(payment.given.id, outcome).await.unwrap();
        self.confirm(payment, &token).await
    }

    /// The reservation's status, why it was cancelled, and whether it is locked, by the reservation service's books.
    pub(crate) async fn reservation(&self, hold: &Hold) -> (String, Option<String>, bool) {
        sqlx::query_as(
            r#"
                select status, cancel_reason, payment_lock_id is not null
                from reservation_service.reservations
                where id = $1
            "#,
        )
        .bind(hold.reservation)
        .fetch_one(&self.db)
        .await
        .unwrap()
    }

    pub(crate) async fn until_reservation(&self, hold: &Hold, status: &str) -> Option<String> {
        eventually(&format!("the reservation is {status}"), SOON, || async {
            let (now, reason, _) = self.reservation(hold).await;
            (now == status).then_some(reason)
        })
        .await
    }
}
