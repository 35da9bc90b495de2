use super::get_event::no_such_event;
use crate::{
    db::{
        audit::{self, Action, Target},
        event_changes, event_end, posters,
    },
    domain::PosterType,
    posters::Kept,
    routes::{
        problems::{AdministratorsOnly, BadPoster, Failures, Missing},
        update_event,
    },
    state::AppState,
};
use axum::extract::State;
use common::{
    crash,
    extract::{Body, Json, Path},
    identity::Admin,
    problem::{ApiResult, Code, Problem},
};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where the poster is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PosterReply {
    /// It never shows another image.
    poster_url: String,
}

/// Gives a concert a poster, instead of the one it may have.
///
/// | who dies where | then |
/// |---|---|
/// | S3 is down or refuses | 503, nothing has changed |
/// | we, after S3 has it and before the commit | nothing has changed; an image that nobody knows stays in the bucket |
/// | we, after the commit | the concert has its poster; the old one stays in the bucket |
/// | S3, when the old one is to be removed | it stays in the bucket |
///
/// Of two at once the later one to commit is the concert's, and the other one is removed.
#[utoipa::path(
    put,
    path = "/events/{id}/poster",
    tag = "events",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The concert")),
    request_body(
        content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp")),
        description = "At most 5 MiB and 10,000 pixels on each side",
    ),
    responses(
        (status = 200, description = "It is the concert's poster now", body = PosterReply),
        BadPoster, AdministratorsOnly, Missing, Failures,
    ),
)]
pub(crate) async fn put_poster(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<Uuid>,
    Body(image): Body,
) -> ApiResult<Json<PosterReply>> {
    let kind = PosterType::of(&image).ok_or_else(|| {
        Problem::new(Code::UnsupportedMediaType).detail("The body must be a whole PNG, JPEG or WebP image.")
    })?;
    let known = {
        let mut connection = state.pool.acquire().await?;
        event_changes::find(&mut connection, id).await?
    };
    known.ok_or_else(no_such_event)?;
    let bytes = image.len();
    let kept = state.posters.keep(id, kind, image).await?;
    crash::point("event.poster.kept");

    let mut transaction = state.pool.begin().await?;
    let Some(old) = replace(&mut transaction, id, &kept).await? else {
        // Deleted meanwhile.
        transaction.rollback().await?;
        state.posters.remove(&kept.key).await;
        return Err(no_such_event());
    };
    let details = json!({ "posterUrl": kept.url, "bytes": bytes });
    audit::record(&mut transaction, admin.id, Action::Changed, Target::Event(id), &details).await?;
    state.outbox.commit(transaction).await?;
    crash::point("event.poster.committed");
    state.reads.changed(&[id]).await;
    if let Some(old) = old.0 {
        state.posters.remove(&old).await;
    }
    Ok(Json(PosterReply { poster_url: kept.url }))
}

/// The poster before, if any.
struct Replaced(Option<String>);

/// Gives the concert its poster and tells the others; nothing if there is no such concert any more.
async fn replace(connection: &mut PgConnection, id: Uuid, kept: &Kept) -> Result<Option<Replaced>, sqlx::Error> {
    event_end::lock(connection, id).await?;
    let Some(before) = event_changes::find(connection, id).await? else {
        return Ok(None);
    };
    let old = posters::key(connection, id).await?;
    let written = posters::set(connection, id, &kept.key, &kept.url).await?;
    outbox::enqueue(connection, &update_event::message(id, before.event, written)).await?;
    Ok(Some(Replaced(old)))
}
