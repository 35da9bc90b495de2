use super::OwnState;
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a front end needs to know before it can do anything.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FrontEnd {
    /// For the captcha in front of registration and login.
    recaptcha_site_key: String,
    portone: PortOne,
    /// Our time, by which sale openings and holds are counted down.
    server_time: DateTime<Utc>,
}

/// What the PortOne browser SDK needs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortOne {
    store_id: String,
    channel_keys: ChannelKeys,
}

/// The payment channel of each method.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) struct ChannelKeys {
    card: String,
}

/// Public settings of the front end.
#[utoipa::path(get, path = "/config", tag = "gateway", responses((status = 200, body = FrontEnd)))]
pub(super) async fn show(State(state): State<Arc<OwnState>>) -> Json<FrontEnd> {
    Json(FrontEnd {
        recaptcha_site_key: state.front_end.recaptcha_site_key.clone(),
        portone: PortOne {
            store_id: state.front_end.portone_store_id.clone(),
            channel_keys: ChannelKeys {
                card: state.front_end.portone_channel_key_card.clone(),
            },
        },
        server_time: state.clock.now(),
    })
}
