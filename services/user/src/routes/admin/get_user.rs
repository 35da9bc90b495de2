use super::{Account, check};
use crate::{
    db::{self, audit::Action},
    state::App,
};
use axum::extract::State;
use common::{
    extract::{Json, Path},
    identity::Admin,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use serde_json::json;
use uuid::Uuid;

/// One account.
#[utoipa::path(
    get, path = "/admin/users/{id}", tag = "admin",
    params(("id" = Uuid, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Account),
        (status = 400, body = ProblemSchema), (status = 401, body = ProblemSchema), (status = 403, body = ProblemSchema),
        (status = 404, body = ProblemSchema), (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn get_user(State(app): State<App>, admin: Admin, Path(id): Path<Uuid>) -> ApiResult<Json<Account>> {
    let mut transaction = app.db.begin().await?;
    check(&mut transaction, admin).await?;
    let profile = db::profiles::by_id(&mut transaction, id).await?;
    let profile = profile.ok_or_else(|| Problem::new(Code::NotFound))?;
    let details = json!({ "by": "id" });
    db::audit::record(&mut transaction, Some(admin.id), Action::UserRead, &[id], &details).await?;
    transaction.commit().await?;
    Ok(Json(Account::of(&app.keyring, profile)?))
}
