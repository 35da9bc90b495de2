use super::*;
use crate::{config::Env, internal_auth::Service};
use resilience::retry::RetryBudgetConfig;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::{net::TcpListener, task::JoinSet};

/// Takes connections and breaks them off; counts them.
async fn broken() -> (SocketAddr, Arc<AtomicUsize>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&heard);
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (address, heard, serving)
}

#[tokio::test]
async fn without_a_budget_nothing_is_repeated() {
    let (address, heard, _serving) = broken().await;
    let key = SigningKey::from_env(&Env::from_pairs::<String, String>([]).unwrap(), Service::Queue).unwrap();
    let mut client = ServiceClient::new("event-service", &format!("http://{address}"), key, Clock::system()).unwrap();
    client.get::<Value>("/internal/x").await.unwrap_err();
    assert_eq!(heard.load(Ordering::SeqCst), 2, "one retry");

    client.budget = RetryBudget::new(RetryBudgetConfig {
        percent: 0,
        min_per_second: 0,
        max_saved: 0,
    });
    client.get::<Value>("/internal/x").await.unwrap_err();
    assert_eq!(heard.load(Ordering::SeqCst), 3);
}
