use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::store::Grant;
use super::{Lie, OauthProvider, Site};

type Parameters = HashMap<String, String>;

/// Why a code gets no token.
#[derive(Clone, Copy)]
enum Refusal {
    Client,
    GrantType,
    Code,
    RedirectUri,
}

/// `POST`, form-encoded.
pub(super) async fn token(State(site): State<Site>, Form(form): Form<Parameters>) -> Response {
    answer(&site, &form)
}

/// Naver also takes the parameters in the address.
pub(super) async fn token_by_query(State(site): State<Site>, Query(query): Query<Parameters>) -> Response {
    answer(&site, &query)
}

fn answer(site: &Site, form: &Parameters) -> Response {
    if let Some(lie) = outright_lie(site) {
        return lie;
    }
    match redeem(site, form) {
        Ok(grant) => match tokens(site, &grant) {
            Ok(reply) => Json(reply).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        },
        Err(refusal) => refuse(site.provider, refusal, form.get("code").map_or("", String::as_str)),
    }
}

fn redeem(site: &Site, form: &Parameters) -> Result<Grant, Refusal> {
    let client = site.simulators.client(site.provider);
    let given = |name: &str| form.get(name).map(String::as_str);
    let known = given("client_id") == Some(&client.client_id) && given("client_secret") == Some(&client.client_secret);
    if !known || site.lies(Lie::ClientRefused) {
        return Err(Refusal::Client);
    }
    if given("grant_type") != Some("authorization_code") {
        return Err(Refusal::GrantType);
    }
    let now = site.simulators.config.clock.now();
    let code = given("code").unwrap_or_default();
    let grant = site
        .simulators
        .oauth
        .redeem(site.provider, code, now)
        .ok_or(Refusal::Code)?;
    match site.provider {
        // It wants the state again, and no redirect URI.
        OauthProvider::Naver if given("state") != grant.state.as_deref() => Err(Refusal::Code),
        OauthProvider::Naver => Ok(grant),
        _ if given("redirect_uri") != Some(&grant.redirect_uri) || site.lies(Lie::RedirectUriRefused) => {
            Err(Refusal::RedirectUri)
        }
        _ if proves(&grant, given("code_verifier")) => Ok(grant),
        _ => Err(Refusal::Code),
    }
}

/// RFC 7636 §4.6.
fn proves(grant: &Grant, verifier: Option<&str>) -> bool {
    match (&grant.challenge, verifier) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((challenge, false)), Some(verifier)) => challenge == verifier,
        (Some((challenge, true)), Some(verifier)) => {
            *challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
        }
    }
}

fn tokens(site: &Site, grant: &Grant) -> anyhow::Result<Value> {
    let access_token = site.simulators.oauth.add_token(site.provider, grant.person.clone());
    let openid = grant.scope.split([',', ' ']).any(|scope| scope == "openid");
    let has_id_token = openid && site.provider != OauthProvider::Naver;
    let id_token = if has_id_token && !site.lies(Lie::NoIdToken) {
        Some(site.id_token(grant, &access_token)?)
    } else {
        None
    };
    let mut reply = match site.provider {
        OauthProvider::Kakao => json!({
            "token_type": "bearer", "expires_in": 21_599, "refresh_token": "unused", "refresh_token_expires_in": 5_184_000,
            "scope": grant.scope.replace(',', " "),
        }),
        // A number in quotes, as there.
        OauthProvider::Naver => json!({ "token_type": "bearer", "expires_in": "3600", "refresh_token": "unused" }),
        OauthProvider::Google => json!({ "token_type": "Bearer", "expires_in": 3599, "scope": grant.scope }),
    };
    reply["access_token"] = json!(access_token);
    if let Some(id_token) = id_token {
        reply["id_token"] = json!(id_token);
    }
    if site.lies(Lie::MacToken) {
        reply["token_type"] = json!("mac");
    }
    Ok(reply)
}

fn outright_lie(site: &Site) -> Option<Response> {
    if site.lies(Lie::Garbage) {
        return Some((StatusCode::OK, "<html><body>welcome</body></html>").into_response());
    }
    if site.lies(Lie::NoTokens) {
        return Some(Json(json!({ "scope": "openid" })).into_response());
    }
    if site.lies(Lie::Huge) {
        return Some(Json(json!({ "access_token": "x".repeat(2 << 20), "token_type": "bearer" })).into_response());
    }
    if site.lies(Lie::Redirect) {
        let elsewhere = [(header::LOCATION, "/health/live")];
        return Some((StatusCode::TEMPORARY_REDIRECT, elsewhere).into_response());
    }
    None
}

fn refuse(provider: OauthProvider, refusal: Refusal, code: &str) -> Response {
    let (status, error, description, error_code) = match (provider, refusal) {
        (OauthProvider::Kakao, Refusal::Client) => {
            (401, "invalid_client", "Bad client credentials".to_owned(), "KOE010")
        }
        (OauthProvider::Kakao, Refusal::RedirectUri) => {
            (400, "invalid_grant", "Redirect URI mismatch.".to_owned(), "KOE303")
        }
        (OauthProvider::Kakao, Refusal::Code) => {
            let description = format!("authorization code not found for code={code}");
            (400, "invalid_grant", description, "KOE320")
        }
        (OauthProvider::Kakao, Refusal::GrantType) => (400, "invalid_request", "grant_type".to_owned(), "KOE001"),
        (OauthProvider::Naver, Refusal::Client) => (401, "invalid_client", "wrong client id or secret".to_owned(), ""),
        // Status 200, as there.
        (OauthProvider::Naver, _) => (200, "invalid_request", "no valid data in session".to_owned(), ""),
        (OauthProvider::Google, Refusal::Client) => (401, "invalid_client", "Unauthorized".to_owned(), ""),
        (OauthProvider::Google, Refusal::Code) => (400, "invalid_grant", "Bad Request".to_owned(), ""),
        (OauthProvider::Google, Refusal::RedirectUri) => (400, "redirect_uri_mismatch", "Bad Request".to_owned(), ""),
        (OauthProvider::Google, Refusal::GrantType) => {
            (400, "unsupported_grant_type", "Invalid grant_type".to_owned(), "")
        }
    };
    let mut body = json!({ "error": error, "error_description": description });
    if !error_code.is_empty() {
        body["error_code"] = json!(error_code);
    }
    (
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        Json(body),
    )
        .into_response()
}
