use crate::domain::{TERMS, Terms};
use common::extract::Json;

/// The terms in force, for a front end to show before registration.
#[utoipa::path(get, path = "/terms", tag = "auth", responses((status = 200, body = Vec<Terms>)))]
pub(crate) async fn terms() -> Json<&'static [Terms]> {
    Json(&TERMS)
}
