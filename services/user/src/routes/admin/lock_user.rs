use super::{Account, lock_standing};
use crate::{
    blacklist::Ended,
    db::{self, audit::Action},
    state::App,
};
use axum::extract::State;
use common::{
    extract::{Json, OptionalJson, Path},
    identity::Admin,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// Why an account is locked or unlocked.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LockRequest {
    /// The case, not the person: it is kept in the clear. At most 200 characters.
    #[schema(max_length = 200, example = "case 1234")]
    reason: Option<String>,
}

impl LockRequest {
    const MAX_CHARS: usize = 200;

    /// For the audit log.
    pub(super) fn details(self) -> Result<Value, Problem> {
        let Some(reason) = self.reason else {
            return Ok(json!({}));
        };
        let reason = reason.trim();
        if !(1..=Self::MAX_CHARS).contains(&reason.chars().count()) || reason.contains(char::is_control) {
            return Err(Problem::invalid("reason", "must be one line of 1 to 200 characters"));
        }
        Ok(json!({ "reason": reason }))
    }
}

/// Locks an account and ends all of its sessions at once. Locking a locked one changes nothing; an administrator cannot lock
/// their own.
///
/// When we die after the commit, the gateway hears of the ended sessions from the worker, seconds later.
#[utoipa::path(
    post, path = "/admin/users/{id}/lock", tag = "admin",
    params(("id" = Uuid, Path)),
    request_body = Option<LockRequest>,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = Account),
        (status = 400, body = ProblemSchema), (status = 401, body = ProblemSchema),
        (status = 403, description = "FORBIDDEN (also for one's own account)", body = ProblemSchema),
        (status = 404, description = "NOT_FOUND (also for a deleted account)", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn lock_user(
    State(app): State<App>,
    admin: Admin,
    Path(id): Path<Uuid>,
    OptionalJson(request): OptionalJson<LockRequest>,
) -> ApiResult<Json<Account>> {
    let details = request.details()?;
    if id == admin.id {
        return Err(Problem::new(Code::Forbidden).detail("Nobody locks their own account."));
    }
    let mut transaction = app.db.begin().await?;
    lock_standing(&mut transaction, admin, id).await?;
    let mut ended = Ended::default();
    if db::locks::lock(&mut transaction, id).await? {
        ended = app.sessions.end_all(&mut transaction, id, None).await?;
        db::audit::record(&mut transaction, Some(admin.id), Action::UserLocked, &[id], &details).await?;
    }
    let profile = db::profiles::by_id(&mut transaction, id).await?;
    transaction.commit().await?;
    app.sessions.tell_or_leave(&ended).await;
    let profile = profile.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(Account::of(&app.keyring, profile)?))
}
