use common::{extract::Json, identity::Admin, problem::ProblemSchema, vitals::Vitals};
use serde::Serialize;
use utoipa::ToSchema;

/// How the process that answers is doing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserServiceStats {
    process: Vitals,
}

/// Tells how this service is doing.
#[utoipa::path(
    get, path = "/users/admin/stats", tag = "admin",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The numbers now", body = UserServiceStats),
        (status = 401, body = ProblemSchema), (status = 403, body = ProblemSchema),
    )
)]
pub(crate) async fn stats(_admin: Admin) -> Json<UserServiceStats> {
    Json(UserServiceStats { process: Vitals::now() })
}
