//! A page to read the API by. Its parts are embedded, so it works without any other site.

use crate::steps::security_headers::PAGE_POLICY;
use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use common::problem::{Code, Problem};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

const PAGE: &str = include_str!("../../assets/docs.html");
const SCRIPT: &str = include_str!("../../assets/docs.js");
/// Of the operators' page.
const OPERATOR: &str = include_str!("../../assets/operator.js");
const OPERATOR_LINES: &str = include_str!("../../assets/operator_lines.js");
const STYLE: &str = include_str!("../../assets/style.css");

/// The page.
pub(super) async fn page() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        [(CONTENT_SECURITY_POLICY, PAGE_POLICY)],
        PAGE,
    )
}

/// What the page loads.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let (content_type, text) = match name.as_str() {
        "docs.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "operator.js" => ("text/javascript; charset=utf-8", OPERATOR),
        "operator_lines.js" => ("text/javascript; charset=utf-8", OPERATOR_LINES),
        "style.css" => ("text/css; charset=utf-8", STYLE),
        _ => return Problem::new(Code::NotFound).into_response(),
    };
    (
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "public, max-age=3600")],
        text,
    )
        .into_response()
}
