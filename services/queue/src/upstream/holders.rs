use chrono::{DateTime, Utc};
use common::client::{ClientError, ServiceClient};
use serde::Deserialize;
use uuid::Uuid;

/// Who holds seats, from the reservation service: they are inside, whatever Redis forgot.
pub(crate) struct Holders(pub(crate) ServiceClient);

/// A user who holds or pays for seats of an event.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holder {
    pub(crate) user_id: Uuid,
    /// The grant under which the seats were taken.
    pub(crate) grant_id: Option<String>,
    pub(crate) hold_expires_at: DateTime<Utc>,
    /// A payment runs, however long.
    pub(crate) paying: bool,
}

#[derive(Deserialize)]
struct Page {
    reservations: Vec<Holder>,
    next: Option<Uuid>,
}

impl Holders {
    /// All of an event.
    pub(crate) async fn of(&self, event: Uuid) -> Result<Vec<Holder>, ClientError> {
        let (mut holders, mut after) = (Vec::new(), Uuid::nil());
        loop {
            let path = format!("/internal/reservations/pending/{event}?after={after}");
            let page: Page = self.0.get(&path).await?;
            holders.extend(page.reservations);
            match page.next {
                Some(next) => after = next,
                None => return Ok(holders),
            }
        }
    }
}
