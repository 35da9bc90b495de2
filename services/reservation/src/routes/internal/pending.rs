use crate::{
    db::{self, BuyerAtWork},
    state::AppState,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::{Json, Path, Query},
    problem::ApiResult,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Buyers per page.
const PAGE: i64 = 500;

/// Where to go on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PendingQuery {
    /// `next` of the page before.
    #[serde(default)]
    after: Uuid,
}

/// A page of buyers who hold or pay for seats of an event.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PendingReply {
    event_id: Uuid,
    reservations: Vec<PendingBuyer>,
    /// Null on the last page.
    next: Option<Uuid>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PendingBuyer {
    user_id: Uuid,
    grant_id: Option<String>,
    hold_expires_at: DateTime<Utc>,
    /// A payment runs: the hold does not end before it does.
    paying: bool,
}

/// Tells the queue whose places must count after Redis has lost them: whoever holds seats is inside.
pub(super) async fn pending(
    State(state): State<AppState>,
    Path(event_id): Path<Uuid>,
    Query(query): Query<PendingQuery>,
) -> ApiResult<Json<PendingReply>> {
    let buyers = {
        let mut connection = state.pool.acquire().await?;
        db::buyers_at_work(&mut connection, event_id, query.after, PAGE).await?
    };
    let full = i64::try_from(buyers.len()) == Ok(PAGE);
    Ok(Json(PendingReply {
        event_id,
        next: buyers.last().filter(|_| full).map(|buyer| buyer.reservation_id),
        reservations: buyers.into_iter().map(PendingBuyer::from).collect(),
    }))
}

impl From<BuyerAtWork> for PendingBuyer {
    fn from(buyer: BuyerAtWork) -> Self {
        Self {
            user_id: buyer.user_id,
            grant_id: buyer.grant_id,
            hold_expires_at: buyer.hold_expires_at,
            paying: buyer.paying,
        }
    }
}
