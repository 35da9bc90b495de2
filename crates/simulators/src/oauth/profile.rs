use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Lie, Person, Site};

/// Whose token it is; whether one was shown at all.
enum Shown {
    Nothing,
    Unknown,
    Token(Person),
}

impl Site {
    fn owner(&self, headers: &HeaderMap) -> Shown {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.strip_prefix("Bearer "));
        match bearer {
            None => Shown::Nothing,
            Some(token) => {
                let owner = self.simulators.oauth.owner(self.provider, token);
                owner
                    .filter(|_| !self.lies(Lie::ProfileRefused))
                    .map_or(Shown::Unknown, Shown::Token)
            }
        }
    }
}

/// `GET /v2/user/me`.
pub(super) async fn kakao(State(site): State<Site>, headers: HeaderMap) -> Response {
    let Shown::Token(person) = site.owner(&headers) else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=invalid_token")];
        let body = json!({ "msg": "this access token does not exist", "code": -401 });
        return (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response();
    };
    let id: i64 = person.id().parse().unwrap_or_default();
    let mut account = json!({
        "profile_nickname_needs_agreement": person.nickname.is_none(),
        "email_needs_agreement": person.email.is_none(),
        "has_email": person.email.is_some(),
    });
    if let Some(nickname) = &person.nickname {
        account["profile"] = json!({ "nickname": nickname, "is_default_nickname": false });
    }
    if let Some(name) = &person.name {
        account["name"] = json!(name);
    }
    if let Some(email) = &person.email {
        account["is_email_valid"] = json!(person.email_valid);
        account["is_email_verified"] = json!(person.email_verified);
        account["email"] = json!(email);
    }
    Json(json!({
        "id": if site.lies(Lie::OtherSubject) { id + 1 } else { id },
        "connected_at": "2026-01-11T10:00:00Z",
        "kakao_account": account,
    }))
    .into_response()
}

/// `GET /v1/nid/me`.
pub(super) async fn naver(State(site): State<Site>, headers: HeaderMap) -> Response {
    let refuse = |status: StatusCode, code: &str, message: &str| {
        (status, Json(json!({ "resultcode": code, "message": message }))).into_response()
    };
    let person = match site.owner(&headers) {
        Shown::Token(person) => person,
        Shown::Nothing => return refuse(StatusCode::UNAUTHORIZED, "028", "Authentication header not exists"),
        Shown::Unknown if site.lies(Lie::ProfileRefused) => {
            return refuse(StatusCode::OK, "024", "Authentication failed");
        }
        Shown::Unknown => {
            // The other of the two shapes.
            let body = json!({ "errorCode": "024", "errorMessage": "Authentication failed" });
            return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
        }
    };
    let mut response = json!({ "id": if site.lies(Lie::NoSubject) { String::new() } else { person.id() } });
    let told = [
        ("email", &person.email),
        ("name", &person.name),
        ("nickname", &person.nickname),
    ];
    for (member, value) in told {
        if let Some(value) = value {
            response[member] = json!(value);
        }
    }
    Json(json!({ "resultcode": "00", "message": "success", "response": response })).into_response()
}

/// `GET /v1/userinfo`.
pub(super) async fn google(State(site): State<Site>, headers: HeaderMap) -> Response {
    let Shown::Token(person) = site.owner(&headers) else {
        let body = json!({ "error": "invalid_request", "error_description": "Invalid Credentials" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    };
    let mut claims = json!({ "sub": person.id() });
    if let Some(name) = &person.name {
        claims["name"] = json!(name);
    }
    if let Some(email) = &person.email {
        claims["email"] = json!(email);
        claims["email_verified"] = Value::Bool(person.email_verified);
    }
    Json(claims).into_response()
}
