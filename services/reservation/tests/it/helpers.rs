use crate::neighbours::{GOOD_TOKEN, Neighbours};
use common::internal_auth::Service;
use reservation_service::{Config, build};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use test_support::{Api, Login, Reply, Running, TestEnv, connect_redis};
use uuid::Uuid;

/// As long as anything here should take at most.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A running reservation service with a database of its own, and its neighbours.
pub(crate) struct App {
    /// Stopped before its database is dropped, which is what the order of these fields says.
    pub(crate) running: Running,
    pub(crate) neighbours: Neighbours,
    /// The database as the superuser sees it.
    pub(crate) database: PgPool,
    pub(crate) event_id: Uuid,
    pub(crate) env: TestEnv,
}

/// A buyer with a good queue token.
#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) id: Uuid,
    pub(crate) api: Api,
    pub(crate) event_id: Uuid,
}

impl App {
    /// With twelve seats on sale.
    pub(crate) async fn start() -> Self {
        Self::start_in(TestEnv::new().await).await
    }

    pub(crate) async fn start_in(mut env: TestEnv) -> Self {
        let neighbours = Neighbours::start(12).await;
        for variable in ["EVENT_SERVICE_URL", "QUEUE_SERVICE_URL", "PAYMENT_SERVICE_URL"] {
            env.set(variable, neighbours.url());
        }
        let config = Config::from_env(&env.env(Some(Login::Reservation))).unwrap();
        let running = Running::start(build(config).await.unwrap());
        let database = PgPool::connect(&env.superuser_url()).await.unwrap();
        let event_id = neighbours.known().event.id;
        Self {
            running,
            neighbours,
            database,
            event_id,
            env,
        }
    }

    pub(crate) fn buyer(&self) -> Buyer {
        let id = Uuid::now_v7();
        let api = Api::as_gateway(&self.running.url())
            .as_user(id)
            .with_header("x-queue-token", GOOD_TOKEN);
        Buyer {
            id,
            api,
            event_id: self.event_id,
        }
    }

    pub(crate) fn as_service(&self, service: Service) -> Api {
        Api::as_service(&self.running.url(), service)
    }

    /// Locks a reservation as the payment service does.
    pub(crate) async fn lock(&self, buyer: &Buyer, reservation: Uuid, payment: Uuid, amount: i64) -> Reply {
        let body = json!({"paymentId": payment, "userId": buyer.id, "amount": amount});
        let path = format!("/internal/reservations/{reservation}/payment-lock");
        self.as_service(Service::Payment).post(&path, &body).await
    }

    /// Makes a hold a confirmed reservation without a message, for tests of what comes after.
    pub(crate) async fn confirm(&self, reservation: Uuid) {
        let statements = [
            "update reservation_service.seat_assignments set state = 'SOLD', expires_at = 'infinity'
             where reservation_id = $1",
            "update reservation_service.reservations
             set status = 'CONFIRMED', confirmed_at = clock_timestamp(), payment_id = uuidv7(), payment_status = 'SUCCESS',
                 payment_lock_id = null, payment_locked_at = null, version = version + 1
             where id = $1",
        ];
        self.write(reservation, statements).await;
    }

    /// Changes a reservation's rows past the service.
    async fn write(&self, reservation: Uuid, statements: [&'static str; 2]) {
        for statement in statements {
            sqlx::query(statement)
                .bind(reservation)
                .execute(&self.database)
                .await
                .unwrap();
        }
    }

    /// Ends a hold's time, for the database and for Redis, as if it had passed.
    pub(crate) async fn run_out(&self, reservation: Uuid) {
        let statements = [
            "update reservation_service.reservations set hold_expires_at = clock_timestamp() where id = $1",
            "update reservation_service.seat_assignments set expires_at = clock_timestamp() where reservation_id = $1",
        ];
        self.write(reservation, statements).await;
        self.flush_redis().await;
    }

    /// The payloads of the messages of one type about a reservation, oldest first.
    pub(crate) async fn messages(&self, event_type: &str, reservation: Uuid) -> Vec<Value> {
        sqlx::query_scalar(
            "select payload->'payload' from common.outbox_events where event_type = $1 and aggregate_id = $2 order by seq",
        )
        .bind(event_type)
        .bind(reservation)
        .fetch_all(&self.database)
        .await
        .unwrap()
    }

    pub(crate) async fn redis(&self) -> redis::aio::MultiplexedConnection {
        connect_redis(self.env.redis_url()).await
    }

    /// Who holds a seat in Redis: the reservation.
    pub(crate) async fn redis_holder(&self, seat: u128) -> Option<Uuid> {
        let key = format!("seat:hold:{{{}}}:{}", self.event_id, Uuid::from_u128(seat));
        let holder: Option<String> = redis::cmd("GET")
            .arg(key)
            .query_async(&mut self.redis().await)
            .await
            .unwrap();
        holder.map(|holder| holder.split_once(':').unwrap().1.parse().unwrap())
    }

    /// Who holds each of the seats in Redis.
    pub(crate) async fn holders(&self, seats: &[u128]) -> Vec<Option<Uuid>> {
        let mut holders = Vec::new();
        for seat in seats {
            holders.push(self.redis_holder(*seat).await);
        }
        holders
    }

    /// Redis as after a loss of everything.
    pub(crate) async fn flush_redis(&self) {
        redis::cmd("FLUSHDB")
            .query_async::<()>(&mut self.redis().await)
            .await
            .unwrap();
    }

    /// The seats that a reservation has, by its own rows and by the assignments, which must agree.
    pub(crate) async fn seats_of(&self, reservation: Uuid) -> Vec<u128> {
        let (own, assigned): (Vec<Uuid>, Vec<Uuid>) = sqlx::query_as(
            "select
                array(select seat_id from reservation_service.reservation_seats where reservation_id = $1 order by 1),
                array(select seat_id from reservation_service.seat_assignments where reservation_id = $1 order by 1)",
        )
        .bind(reservation)
        .fetch_one(&self.database)
        .await
        .unwrap();
        assert_eq!(own, assigned);
        own.iter().map(Uuid::as_u128).collect()
    }

    pub(crate) async fn version(&self, reservation: Uuid) -> i64 {
        sqlx::query_scalar("select version from reservation_service.reservations where id = $1")
            .bind(reservation)
            .fetch_one(&self.database)
            .await
            .unwrap()
    }

    /// Seats that show this status, by number.
    pub(crate) async fn seats(&self, status: &str) -> Vec<u128> {
        let path = format!("/reservations/seats/{}", self.event_id);
        let map = self.buyer().api.get(&path).await.expect(200);
        let seats = map["seats"].as_array().unwrap().iter();
        seats
            .filter(|seat| seat["status"] == status)
            .map(|seat| uuid(&seat["id"]).as_u128())
            .collect()
    }
}

impl Buyer {
    pub(crate) async fn try_hold(&self, seats: &[u128]) -> Reply {
        self.api
            .post("/reservations/hold", &hold_body(self.event_id, seats))
            .await
    }

    /// Holds seats and returns the reservation.
    pub(crate) async fn hold(&self, seats: &[u128]) -> Uuid {
        uuid(&self.try_hold(seats).await.expect(201)["reservationId"])
    }

    /// Asks for these seats instead of those that the reservation holds.
    pub(crate) async fn swap(&self, reservation: Uuid, seats: &[u128]) -> Reply {
        let seats: Vec<Uuid> = seats.iter().map(|seat| Uuid::from_u128(*seat)).collect();
        let path = format!("/reservations/hold/{reservation}");
        self.api.put(&path, &json!({"seatIds": seats})).await
    }

    pub(crate) async fn reservation(&self, id: Uuid) -> Value {
        self.api.get(&format!("/reservations/{id}")).await.expect(200)
    }
}

pub(crate) fn hold_body(event_id: Uuid, seats: &[u128]) -> Value {
    let seats: Vec<Uuid> = seats.iter().map(|seat| Uuid::from_u128(*seat)).collect();
    json!({"eventId": event_id, "seatIds": seats})
}

#[track_caller]
pub(crate) fn uuid(value: &Value) -> Uuid {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("not an id: {value}"))
}
