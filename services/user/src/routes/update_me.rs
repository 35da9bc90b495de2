use super::me::Me;
use crate::{
    db,
    domain::{PersonName, Phone},
    personal_data::Column,
    state::App,
};
use axum::extract::State;
use common::{
    extract::Json,
    identity::User,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateMeRequest {
    name: Option<String>,
    #[schema(example = "010-1234-5678")]
    phone: Option<String>,
}

/// Changes the signed-in user's name, phone number or both, by the rules of a registration. Email and verified identity stay.
///
/// Two changes at once of different fields are both made; of the same field, the later one stays. An account that is deleted
/// or locked meanwhile is not changed: 404. When the reply is lost, the same request again gives the same profile.
#[utoipa::path(
    put, path = "/users/me", tag = "users",
    request_body = UpdateMeRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = Me),
        (status = 400, description = "VALIDATION_FAILED (also when there is nothing to change), MALFORMED_REQUEST", body = ProblemSchema),
        (status = 401, body = ProblemSchema), (status = 404, body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn update_me(
    State(app): State<App>,
    user: User,
    Json(request): Json<UpdateMeRequest>,
) -> ApiResult<Json<Me>> {
    let name = request.name.as_deref().map(PersonName::parse).transpose()?;
    let phone = request.phone.as_deref().map(Phone::parse).transpose()?;
    if name.is_none() && phone.is_none() {
        return Err(Problem::invalid("name", "or `phone` must be given"));
    }
    let seal = |column, plain: Option<&str>| {
        plain
            .map(|plain| app.keyring.encrypt(column, user.id, plain))
            .transpose()
    };
    let name = seal(Column::Name, name.as_ref().map(PersonName::as_str))?;
    let phone = seal(Column::Phone, phone.as_ref().map(Phone::as_str))?;

    let mut connection = app.db.acquire().await?;
    let changed = db::profiles::update(&mut connection, user.id, name.as_deref(), phone.as_deref()).await?;
    let profile = changed.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(Me::of(&mut connection, &app.keyring, profile).await?))
}
