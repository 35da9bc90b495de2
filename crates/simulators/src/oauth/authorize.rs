use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;

use super::store::Grant;
use super::{OauthProvider, Site};

type Parameters = HashMap<String, String>;

/// The page where somebody agrees, which sends the browser back.
pub(super) async fn authorize(State(site): State<Site>, Query(query): Query<Parameters>) -> Response {
    let client = site.simulators.client(site.provider);
    let given = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    // Never back to an address that nobody registered.
    if given("client_id") != client.client_id {
        return page(site.provider, "client");
    }
    let Ok(back) = Url::parse(given("redirect_uri")) else {
        return page(site.provider, "redirect_uri");
    };
    if given("redirect_uri") != client.redirect_uri {
        return page(site.provider, "redirect_uri");
    }
    let answer = match agree(&site, &query) {
        Ok(code) => vec![("code", code)],
        Err((error, description)) => vec![("error", error), ("error_description", description.to_owned())],
    };
    send_back(&site, back, answer, query.get("state"))
}

/// A code, or the error that the browser takes back.
fn agree(site: &Site, query: &Parameters) -> Result<String, (String, &'static str)> {
    let given = |name: &str| query.get(name).map(String::as_str);
    let refuse = |error: &str, description| Err((error.to_owned(), description));
    if given("response_type") != Some("code") {
        return refuse("unsupported_response_type", "response_type must be code");
    }
    if site.provider == OauthProvider::Naver && given("state").is_none_or(str::is_empty) {
        return refuse("invalid_request", "state is missing");
    }
    let scope = given("scope").unwrap_or_default();
    if site.provider == OauthProvider::Google && scope.is_empty() {
        return refuse("invalid_request", "Missing required parameter: scope");
    }
    let hashed = match (given("code_challenge"), given("code_challenge_method")) {
        (None, _) => None,
        (Some(challenge), Some("S256")) => Some((challenge.to_owned(), true)),
        (Some(challenge), None | Some("plain")) if site.provider == OauthProvider::Google => {
            Some((challenge.to_owned(), false))
        }
        _ => return refuse("invalid_request", "code_challenge_method is not supported"),
    };
    let person = site.simulators.oauth.next_user(site.provider);
    if let Some(error) = &person.denies {
        return Err((error.clone(), "User denied access"));
    }
    Ok(site.simulators.oauth.add_code(Grant {
        provider: site.provider,
        person,
        redirect_uri: given("redirect_uri").unwrap_or_default().to_owned(),
        state: given("state").map(str::to_owned),
        nonce: given("nonce").map(str::to_owned),
        scope: scope.to_owned(),
        // Naver has no PKCE here, and passes over what it does not know.
        challenge: hashed.filter(|_| site.provider != OauthProvider::Naver),
        at: site.simulators.config.clock.now(),
    }))
}

fn send_back(site: &Site, mut back: Url, answer: Vec<(&str, String)>, state: Option<&String>) -> Response {
    let succeeds = answer.iter().any(|(name, _)| *name == "code");
    {
        let mut query = back.query_pairs_mut();
        query.extend_pairs(answer);
        query.extend_pairs(state.map(|state| ("state", state)));
        if site.provider == OauthProvider::Google && succeeds {
            query.extend_pairs([
                ("scope", "openid email profile"),
                ("authuser", "0"),
                ("prompt", "consent"),
            ]);
        }
    }
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

/// What is wrong is told to who is in front of the page, not to the redirect URI.
fn page(provider: OauthProvider, wrong: &str) -> Response {
    let (status, text) = match (provider, wrong) {
        (OauthProvider::Kakao, "client") => (StatusCode::BAD_REQUEST, "KOE101"),
        (OauthProvider::Kakao, _) => (StatusCode::BAD_REQUEST, "KOE006"),
        (OauthProvider::Naver, "client") => (StatusCode::BAD_REQUEST, "invalid client_id"),
        (OauthProvider::Naver, _) => (StatusCode::BAD_REQUEST, "invalid redirect_uri"),
        (OauthProvider::Google, "client") => (StatusCode::UNAUTHORIZED, "Error 401: invalid_client"),
        (OauthProvider::Google, _) => (StatusCode::BAD_REQUEST, "Error 400: redirect_uri_mismatch"),
    };
    (status, format!("<html><body>{text}</body></html>")).into_response()
}
