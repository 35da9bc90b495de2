use super::{Account, lock_standing, lock_user::LockRequest};
use crate::{
    db::{self, audit::Action},
    state::App,
};
use axum::extract::State;
use common::{
    extract::{Json, OptionalJson, Path},
    identity::Admin,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use uuid::Uuid;

/// Unlocks an account: it is again what it was before, dormant if it was dormant. Bad passwords that were counted against it
/// from anywhere are forgotten, too. Unlocking what is not locked changes nothing else.
#[utoipa::path(
    post, path = "/admin/users/{id}/unlock", tag = "admin",
    params(("id" = Uuid, Path)),
    request_body = Option<LockRequest>,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = Account),
        (status = 400, body = ProblemSchema), (status = 401, body = ProblemSchema), (status = 403, body = ProblemSchema),
        (status = 404, description = "NOT_FOUND (also for a deleted account)", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn unlock_user(
    State(app): State<App>,
    admin: Admin,
    Path(id): Path<Uuid>,
    OptionalJson(request): OptionalJson<LockRequest>,
) -> ApiResult<Json<Account>> {
    let details = request.details()?;
    let mut transaction = app.db.begin().await?;
    let account = lock_standing(&mut transaction, admin, id).await?;
    db::locks::unlock(&mut transaction, id).await?;
    if let Some(email_hash) = &account.email_hash {
        app.lock_out.forgive(&mut transaction, email_hash, None).await?;
    }
    // Noted even if the status stays: that attempts were forgotten is to be seen.
    db::audit::record(&mut transaction, Some(admin.id), Action::UserUnlocked, &[id], &details).await?;
    let profile = db::profiles::by_id(&mut transaction, id).await?;
    transaction.commit().await?;
    let profile = profile.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(Account::of(&app.keyring, profile)?))
}
