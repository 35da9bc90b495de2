use crate::{
    db::{self, profiles::Profile},
    personal_data::{Column, Keyring},
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
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// An account as its owner sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    id: Uuid,
    /// None if the account came from a social profile without one.
    email: Option<String>,
    name: String,
    /// None for administrators made by the operator.
    phone: Option<String>,
    role: String,
    status: String,
    created_at: DateTime<Utc>,
    last_login_at: Option<DateTime<Utc>>,
    social_accounts: Vec<SocialAccount>,
}

/// A social account by which the owner may sign in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SocialAccount {
    /// `KAKAO`, `NAVER` or `GOOGLE`.
    #[schema(example = "KAKAO")]
    provider: String,
    linked_at: DateTime<Utc>,
}

impl From<db::social::SocialAccount> for SocialAccount {
    fn from(linked: db::social::SocialAccount) -> Self {
        Self {
            provider: linked.provider,
            linked_at: linked.linked_at,
        }
    }
}

impl Me {
    pub(super) async fn of(connection: &mut PgConnection, keyring: &Keyring, profile: Profile) -> ApiResult<Self> {
        let opened = Opened::of(keyring, &profile)?;
        let name = opened
            .name
            .ok_or_else(|| Problem::internal(&"an account without a name"))?;
        let social_accounts = db::social::of(connection, profile.id).await?;
        Ok(Self {
            id: profile.id,
            email: opened.email,
            name,
            phone: opened.phone,
            role: profile.role,
            status: profile.status,
            created_at: profile.created_at,
            last_login_at: profile.last_login_at,
            social_accounts: social_accounts.into_iter().map(SocialAccount::from).collect(),
        })
    }
}

/// The personal data of a profile, decrypted.
pub(super) struct Opened {
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    pub(super) phone: Option<String>,
}

impl Opened {
    pub(super) fn of(keyring: &Keyring, profile: &Profile) -> Result<Self, Problem> {
        let open = |column, sealed: &Option<Vec<u8>>| {
            let sealed = sealed.as_deref();
            let opened = sealed.map(|sealed| keyring.decrypt(column, profile.id, sealed));
            opened.transpose().map_err(|error| Problem::internal(&error))
        };
        Ok(Self {
            email: open(Column::Email, &profile.email_encrypted)?,
            name: open(Column::Name, &profile.name_encrypted)?,
            phone: open(Column::Phone, &profile.phone_encrypted)?,
        })
    }
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
    let mut connection = app.db.acquire().await?;
    let profile = db::profiles::by_id(&mut connection, user.id).await?;
    let profile = profile.filter(|profile| profile.deleted_at.is_none());
    let profile = profile.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(Me::of(&mut connection, &app.keyring, profile).await?))
}
