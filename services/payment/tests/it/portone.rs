//! PortOne's simulator in this process, and the people in front of it.

use serde_json::{Value, json};
use simulators::SimulatorConfig;
use test_support::Api;
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

const SECRET: &str = "PortOne local-portone-api-secret-0123456789abcdef";

/// PortOne, with its console.
pub(crate) struct PortOne {
    pub(crate) url: String,
    control: Api,
    /// Dropping it ends the simulator.
    server: JoinSet<anyhow::Result<()>>,
}

impl PortOne {
    /// Its webhooks lead nowhere: tests that want one sign it themselves.
    pub(crate) async fn start() -> Self {
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
            server,
        }
    }

    /// Nobody listens any more.
    pub(crate) fn stop(&mut self) {
        self.server.abort_all();
    }

    /// The amount is registered and the buyer has been in the window: their payment token, if they authorised.
    pub(crate) async fn authorised(&self, payment: Uuid, amount: i64, outcome: &str) -> Option<String> {
        let api = self.control.with_header("authorization", SECRET);
        let path = format!("/portone/payments/{}/pre-register", payment.simple());
        let _registered = api
            .post(&path, &json!({"totalAmount": amount, "currency": "KRW"}))
            .await
            .expect(200);
        self.window(payment, outcome).await
    }

    /// The buyer's window.
    pub(crate) async fn window(&self, payment: Uuid, outcome: &str) -> Option<String> {
        let path = format!("/control/portone/payments/{}/window", payment.simple());
        let reply = self.control.post(&path, &json!({"outcome": outcome})).await.expect(200);
        reply["paymentToken"].as_str().map(str::to_owned)
    }

    /// Somebody charged it: as our service does before it dies, or as nobody should.
    pub(crate) async fn charged(&self, payment: Uuid, amount: i64) {
        let token = self.authorised(payment, amount, "PAY").await.unwrap();
        let api = self.control.with_header("authorization", SECRET);
        let path = format!("/portone/payments/{}/confirm", payment.simple());
        let _paid = api.post(&path, &json!({"paymentToken": token})).await.expect(200);
    }

    /// The bank declined it.
    pub(crate) async fn declined(&self, payment: Uuid, amount: i64) {
        let token = self
            .authorised(payment, amount, "PAY_DECLINED_ON_CONFIRM")
            .await
            .unwrap();
        let api = self.control.with_header("authorization", SECRET);
        let path = format!("/portone/payments/{}/confirm", payment.simple());
        let _declined = api.post(&path, &json!({"paymentToken": token})).await.expect(502);
    }

    /// Somebody gives money back in the console.
    pub(crate) async fn cancel_by_hand(&self, payment: Uuid, amount: Option<i64>) {
        let path = format!("/control/portone/payments/{}/cancel", payment.simple());
        let _cancelled = self.control.post(&path, &json!({"amount": amount})).await.expect(200);
    }

    /// The same, but the payment gateway takes so long for it.
    pub(crate) async fn cancel_by_hand_slowly(&self, payment: Uuid, requested_for_ms: u64) {
        let path = format!("/control/portone/payments/{}/cancel", payment.simple());
        let body = json!({"requestedForMs": requested_for_ms});
        let _cancelled = self.control.post(&path, &body).await.expect(200);
    }

    /// The payment gateway ends what it has taken and not done: SUCCEEDED or FAILED.
    pub(crate) async fn settle(&self, payment: Uuid, outcome: &str) {
        let path = format!("/control/portone/payments/{}/cancellations", payment.simple());
        let _settled = self.control.post(&path, &json!({"outcome": outcome})).await.expect(200);
    }

    /// The payment gateway makes up its mind.
    pub(crate) async fn becomes(&self, payment: Uuid, status: &str) {
        let path = format!("/control/portone/payments/{}/status", payment.simple());
        let _forced = self.control.post(&path, &json!({"status": status})).await.expect(200);
    }

    /// How many cancellations there are, whatever became of them.
    pub(crate) async fn cancellations(&self, payment: Uuid) -> usize {
        let api = self.control.with_header("authorization", SECRET);
        let path = format!("/portone/payments/{}", payment.simple());
        let payment = api.get(&path).await.expect(200);
        payment["cancellations"].as_array().map_or(0, Vec::len)
    }

    pub(crate) async fn faults(&self, portone: Value) {
        let _in_force = self
            .control
            .put("/control/faults", &json!({"portone": portone}))
            .await
            .expect(200);
    }

    pub(crate) async fn heal(&self) {
        let _healed = self.control.delete("/control/faults").await.expect(204);
    }

    /// What was captured and given back, in won.
    pub(crate) async fn books(&self, payment: Uuid) -> (i64, i64) {
        let ledger = self.control.get("/control/portone/ledger").await.expect(200);
        let id = payment.simple().to_string();
        let row = ledger
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["paymentId"] == id.as_str())
            .cloned();
        let row = row.unwrap_or_default();
        (
            row["captured"].as_i64().unwrap_or_default(),
            row["cancelled"].as_i64().unwrap_or_default(),
        )
    }
}
