use super::problems::AdministratorsOnly;
use common::{extract::Json, identity::Admin, vitals::Vitals};
use serde::Serialize;
use utoipa::ToSchema;

/// How the process that answers is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventServiceStats {
    process: Vitals,
}

/// Tells how this service is doing.
#[utoipa::path(
    get,
    path = "/events/admin/stats",
    tag = "events",
    security(("bearer" = [])),
    responses((status = 200, description = "The numbers now", body = EventServiceStats), AdministratorsOnly),
)]
pub(crate) async fn stats(_admin: Admin) -> Json<EventServiceStats> {
    Json(EventServiceStats { process: Vitals::now() })
}
