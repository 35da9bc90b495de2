use crate::{
    db,
    personal_data::{Column, DecryptError},
    state::App,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::Json,
    identity::User,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An account as its owner sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    id: Uuid,
    email: String,
    name: String,
    /// None for administrators made by the operator.
    phone: Option<String>,
    role: String,
    status: String,
    created_at: DateTime<Utc>,
    last_login_at: Option<DateTime<Utc>>,
}

/// The signed-in user's account.
#[utoipa::path(
    get, path = "/users/me", tag = "users",
    security(("bearer" = [])),
    responses(
        (status = 200, body = Me),
        (status = 401, body = ProblemSchema), (status = 404, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn me(State(app): State<App>, user: User) -> ApiResult<Json<Me>> {
    let profile = db::accounts::profile(&mut *app.db.acquire().await?, user.id).await?;
    let profile = profile.ok_or_else(|| Problem::new(Code::NotFound))?;
    let open = |column, sealed: &[u8]| {
        app.keyring
            .decrypt(column, user.id, sealed)
            .map_err(|error: DecryptError| Problem::internal(&error))
    };
    Ok(Json(Me {
        id: user.id,
        email: open(Column::Email, &profile.email_encrypted)?,
        name: open(Column::Name, &profile.name_encrypted)?,
        phone: profile
            .phone_encrypted
            .as_deref()
            .map(|sealed| open(Column::Phone, sealed))
            .transpose()?,
        role: profile.role,
        status: profile.status,
        created_at: profile.created_at,
        last_login_at: profile.last_login_at,
    }))
}
