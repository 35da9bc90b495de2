//! The table of contents: one file per endpoint.

mod admin;
mod change_password;
mod delete_me;
mod login;
mod login_history;
mod logout;
mod me;
mod reactivate;
mod refresh;
mod register;
mod reset_password;
mod social;
mod terms;
mod update_me;

use crate::state::App;
use axum::Router;
use common::{
    extract::header_text,
    health::Health,
    http::{ServiceInfo, service_router},
    internal_auth::{Service, guard_api},
    problem::{Code, Problem},
};
use http::{HeaderMap, header};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) const INFO: ServiceInfo = ServiceInfo {
    name: "user-service",
    title: "User service",
};

/// What clients may call, with its documentation.
pub(crate) fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(social::authorize::authorize))
        .routes(routes!(social::callback::callback))
        .routes(routes!(social::signup::signup))
        .routes(routes!(
            social::link::link_social_account,
            social::unlink::unlink_social_account
        ))
        .routes(routes!(reset_password::reset_password))
        .routes(routes!(reactivate::reactivate))
        .routes(routes!(me::me, update_me::update_me, delete_me::delete_me))
        .routes(routes!(login_history::login_history))
        .routes(routes!(change_password::change_password))
        .routes(routes!(admin::stats::stats))
        .routes(routes!(admin::list_users::list_users))
        .routes(routes!(admin::get_user::get_user))
        .routes(routes!(admin::lock_user::lock_user))
        .routes(routes!(admin::unlock_user::unlock_user))
        .routes(routes!(terms::terms))
}

pub(crate) fn router(app: &App, health: &Health) -> Router {
    let api = guard_api(documented(), &app.verifier, &[Service::Gateway]).with_state(app.clone());
    service_router(INFO, api, Router::new(), health)
}

/// The access token that the gateway let through.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    header_text(headers, header::AUTHORIZATION.as_str())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Problem::new(Code::Unauthenticated))
}
