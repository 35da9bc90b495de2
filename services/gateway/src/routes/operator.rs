//! The operators' page: how everything is doing, live. Page and script hold nothing secret and are served to anybody, because a
//! browser that goes to an address sends no token. The administrator signs in on the page, which keeps the token in its memory
//! and asks the routes for administrators with it. It works without any other site.

use crate::steps::security_headers::PAGE_POLICY;
use axum::response::IntoResponse;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

const PAGE: &str = include_str!("../../assets/operator.html");

/// The page.
pub(super) async fn page() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        [(CONTENT_SECURITY_POLICY, PAGE_POLICY)],
        [(CACHE_CONTROL, "no-cache")],
        PAGE,
    )
}
