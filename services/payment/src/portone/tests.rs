//! The client against the simulator of PortOne, which knows nothing of this code.

use common::config::Env;
use serde_json::{Value, json};
use simulators::SimulatorConfig;
use std::time::{Duration, Instant};
use test_support::Api;
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

use super::*;
use crate::domain::portone_id;

struct PortOne {
    url: String,
    control: Api,
    /// Dropping it ends the simulator.
    _server: JoinSet<anyhow::Result<()>>,
}

impl PortOne {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = SimulatorConfig {
            portone_webhook_url: "http://127.0.0.1:9/".to_owned(),
            ..Default::default()
        };
        let mut server = JoinSet::new();
        server.spawn(simulators::serve(listener, config, std::future::pending()));
        Self {
            control: Api::new(&url),
            url,
            _server: server,
        }
    }

    fn client(&self, settings: &[(&str, &str)]) -> PortoneClient {
        let base = format!("{}/portone", self.url);
        let pairs = [("PORTONE_BASE_URL", base.as_str())]
            .into_iter()
            .chain(settings.iter().copied());
        PortoneClient::new(&PortoneConfig::from_env(&Env::from_pairs(pairs).unwrap()).unwrap()).unwrap()
    }

    async fn window(&self, payment: Uuid, outcome: &str) -> Value {
        let path = format!("/control/portone/payments/{}/window", portone_id(payment));
        self.control.post(&path, &json!({"outcome": outcome})).await.expect(200)
    }

    /// A payment token for a payment of 1000 won.
    async fn token(&self, client: &PortoneClient, payment: Uuid, outcome: &str) -> String {
        client.pre_register(payment, 1000).await.unwrap();
        self.window(payment, outcome).await["paymentToken"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn faults(&self, faults: Value) {
        let _in_force = self
            .control
            .put("/control/faults", &json!({"portone": faults}))
            .await
            .expect(200);
    }
}

fn confirm(payment: Uuid, token: &str) -> Confirm<'_> {
    Confirm {
        payment,
        token,
        amount: 1000,
        is_test: true,
    }
}

#[tokio::test]
async fn a_payment_is_registered_authorised_confirmed_read_and_cancelled() {
    let portone = PortOne::start().await;
    let client = portone.client(&[]);
    let (payment, refund) = (Uuid::now_v7(), Uuid::now_v7());

    client.pre_register(payment, 999).await.unwrap();
    assert_eq!(
        client.get_payment(payment).await.unwrap(),
        None,
        "PortOne knows it from its first window on"
    );
    let token = portone.token(&client, payment, "PAY").await;
    assert_eq!(
        client.get_payment(payment).await.unwrap().unwrap().status,
        PortoneStatus::Ready
    );

    client.confirm(&confirm(payment, &token)).await.unwrap();
    let paid = client.get_payment(payment).await.unwrap().unwrap();
    assert_eq!((paid.status.clone(), paid.amount.total), (PortoneStatus::Paid, 1000));
    assert!(paid.paid_at.is_some() && paid.store_id == client.store_id());

    let cancel = Cancel {
        payment,
        refund,
        attempt: 1,
        reason: "TEST",
        cancellable: paid.cancellable(),
    };
    assert_eq!(
        client.cancel(&cancel).await.unwrap().status,
        CancellationStatus::Succeeded
    );
    let cancelled = client.get_payment(payment).await.unwrap().unwrap();
    assert_eq!(
        (cancelled.status.clone(), cancelled.cancellable()),
        (PortoneStatus::Cancelled, 0)
    );

    // The same try again gets the first answer, a new one the truth.
    assert!(client.cancel(&cancel).await.is_ok());
    let again = client.cancel(&Cancel { attempt: 2, ..cancel }).await.unwrap_err();
    assert_eq!(again.refusal(), Some(&Refusal::PaymentAlreadyCancelled));
}

#[tokio::test]
async fn declines_and_bad_tokens_are_told_apart() {
    let portone = PortOne::start().await;
    let client = portone.client(&[]);
    let payment = Uuid::now_v7();
    let token = portone.token(&client, payment, "PAY_DECLINED_ON_CONFIRM").await;

    let bad_token = client.confirm(&confirm(Uuid::now_v7(), "nonsense")).await.unwrap_err();
    assert_eq!(bad_token.refusal(), Some(&Refusal::PaymentNotFound));
    let declined = client.confirm(&confirm(payment, &token)).await.unwrap_err();
    assert_eq!(declined.refusal(), Some(&Refusal::PgProvider));
    assert_eq!(
        client.get_payment(payment).await.unwrap().unwrap().status,
        PortoneStatus::Failed
    );

    let other = Uuid::now_v7();
    portone.token(&client, other, "PAY").await;
    let wrong = client.confirm(&confirm(other, "nonsense")).await.unwrap_err();
    assert_eq!(wrong.refusal(), Some(&Refusal::InvalidPaymentToken));
}

#[tokio::test]
async fn a_changed_amount_is_refused() {
    let portone = PortOne::start().await;
    let client = portone.client(&[]);
    let payment = Uuid::now_v7();
    let token = portone.token(&client, payment, "PAY").await;
    let error = client
        .confirm(&Confirm {
            amount: 1,
            ..confirm(payment, &token)
        })
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::InformationMismatch));
}

#[tokio::test]
async fn a_lost_reply_is_no_answer_though_the_money_was_taken() {
    let portone = PortOne::start().await;
    let client = portone.client(&[]);
    let payment = Uuid::now_v7();
    let token = portone.token(&client, payment, "PAY").await;
    portone
        .faults(json!({"confirm": {"dropReplyAfterEffectRate": 1.0}}))
        .await;

    let error = client.confirm(&confirm(payment, &token)).await.unwrap_err();
    assert!(
        matches!(error, PortoneError::NoAnswer { .. }) && !error.was_not_sent(),
        "{error}"
    );
    assert_eq!(
        client.get_payment(payment).await.unwrap().unwrap().status,
        PortoneStatus::Paid
    );
}

#[tokio::test]
async fn a_slow_answer_is_no_answer() {
    let portone = PortOne::start().await;
    let client = portone.client(&[("PORTONE_TIMEOUT_SECONDS", "1")]);
    portone.faults(json!({"get": {"delayMs": 120_000}})).await;
    let started = Instant::now();
    let error = client.get_payment(Uuid::now_v7()).await.unwrap_err();
    assert!(matches!(error, PortoneError::NoAnswer { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn nobody_there_means_nothing_was_sent() {
    // A port that was free a moment ago may be another test's by now; this one is nobody's.
    let env = Env::from_pairs([("PORTONE_BASE_URL", "http://127.0.0.1:9")]).unwrap();
    let client = PortoneClient::new(&PortoneConfig::from_env(&env).unwrap()).unwrap();
    let error = client.confirm(&confirm(Uuid::now_v7(), "token")).await.unwrap_err();
    assert!(error.was_not_sent(), "{error}");
}

#[tokio::test]
async fn the_circuit_opens_on_failures_and_not_on_declines() {
    let portone = PortOne::start().await;
    let client = portone.client(&[("PORTONE_BREAKER_MINIMUM_CALLS", "4")]);
    for _ in 0..8 {
        let payment = Uuid::now_v7();
        let token = portone.token(&client, payment, "PAY_DECLINED_ON_CONFIRM").await;
        client.confirm(&confirm(payment, &token)).await.unwrap_err();
    }
    assert!(!client.is_refusing());

    portone.faults(json!({"get": {"errorRate": 1.0}})).await;
    for _ in 0..8 {
        client.get_payment(Uuid::now_v7()).await.unwrap_err();
    }
    assert!(client.is_refusing());
    let error = client.get_payment(Uuid::now_v7()).await.unwrap_err();
    assert!(matches!(error, PortoneError::CircuitOpen { .. }) && error.was_not_sent());
}

#[tokio::test]
async fn a_wrong_secret_is_a_refusal() {
    let portone = PortOne::start().await;
    let client = portone.client(&[("PORTONE_API_SECRET", "wrong")]);
    let error = client.get_payment(Uuid::now_v7()).await.unwrap_err();
    assert!(matches!(error, PortoneError::Refused { status: 401, .. }), "{error}");
}
