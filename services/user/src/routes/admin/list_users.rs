use super::{Account, check};
use crate::{
    db::{self, audit::Action},
    domain::Email,
    personal_data::Column,
    state::App,
};
use axum::extract::State;
use common::{
    extract::{Json, Query},
    identity::Admin,
    page::{Page, PageRequest},
    problem::{ApiResult, ProblemSchema},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use uuid::Uuid;

/// Which accounts are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListUsersQuery {
    /// Only the account with exactly this email.
    email: Option<String>,
    /// Which page, from 0.
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    page: Option<u32>,
    /// How many a page, 1–100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    size: Option<u32>,
}

/// All accounts, the newest first, or the one with that email, if there is one.
#[utoipa::path(
    get, path = "/admin/users", tag = "admin",
    params(ListUsersQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Page<Account>),
        (status = 400, body = ProblemSchema), (status = 401, body = ProblemSchema), (status = 403, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn list_users(
    State(app): State<App>,
    admin: Admin,
    Query(query): Query<ListUsersQuery>,
) -> ApiResult<Json<Page<Account>>> {
    let page = PageRequest::new(query.page, query.size)?;
    let email = query.email.as_deref().map(Email::parse).transpose()?;

    let mut transaction = app.db.begin().await?;
    check(&mut transaction, admin).await?;
    let (found, total, by) = match email {
        Some(email) => {
            let hash = app.keyring.blind_index(Column::Email, email.as_str());
            let found = db::profiles::by_email(&mut transaction, &hash).await?;
            let total = i64::from(found.is_some());
            let on_page = found.filter(|_| page.page == 0);
            (on_page.into_iter().collect(), total, "email")
        }
        None => (
            db::profiles::newest(&mut transaction, page.limit(), page.offset()).await?,
            db::profiles::count(&mut transaction).await?,
            "list",
        ),
    };
    let shown: Vec<Uuid> = found.iter().map(|profile| profile.id).collect();
    let details = json!({ "by": by });
    db::audit::record(&mut transaction, Some(admin.id), Action::UserRead, &shown, &details).await?;
    transaction.commit().await?;

    let accounts = found.into_iter().map(|profile| Account::of(&app.keyring, profile));
    Ok(Json(Page::new(accounts.collect::<Result<_, _>>()?, page, total)))
}
