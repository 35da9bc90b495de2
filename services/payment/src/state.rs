use common::{Clock, Fresh};
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::{
    config::{CheckoutConfig, Rules, WebhookConfig},
    db::standing::Money,
    neighbours::{QueueClient, ReservationClient},
    portone::PortoneClient,
    settlement::Settlement,
};

/// What every handler may use; cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

/// The parts of [`AppState`].
pub(crate) struct Inner {
    pub(crate) db: PgPool,
    pub(crate) portone: Arc<PortoneClient>,
    pub(crate) reservations: Arc<ReservationClient>,
    pub(crate) queue: QueueClient,
    pub(crate) settlement: Settlement,
    pub(crate) rules: Arc<Rules>,
    pub(crate) checkout: CheckoutConfig,
    pub(crate) webhooks: WebhookConfig,
    /// Wakes this process's webhook worker.
    pub(crate) webhook_stored: Arc<Notify>,
    /// What is under way, for administrators.
    pub(crate) money: Fresh<Money>,
    /// Confirms under way; see `confirm`.
    pub(crate) confirms: TaskTracker,
    /// For the age of webhooks.
    pub(crate) webhook_clock: Clock,
}

impl AppState {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl std::ops::Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
