//! The kinds of callers: who they are by right, and what they claim.

use super::routes::{Row, Who};
use crate::{
    forged::{changed, claims, hand_made, hs256, signed_by, without},
    helpers::{Person, World},
};
use chrono::TimeDelta;
use common::{Clock, crypto, identity::Role};
use serde_json::{Value, json};
use uuid::Uuid;

/// One kind of caller.
pub(super) struct Caller {
    pub(super) name: &'static str,
    /// What it sends with every request.
    pub(super) headers: String,
    /// The id and role that services must hear of, or the refusal on routes that are not for anybody.
    rights: Result<(String, Role), (u16, &'static str)>,
}

/// What a request must end in.
pub(super) enum Outcome<'a> {
    /// It reaches its service, as this user or as nobody.
    Served(Option<(&'a str, &'static str)>),
    /// It reaches nobody.
    Refused(u16, &'static str),
}

impl Caller {
    /// What this caller's request to a route must end in.
    pub(super) fn outcome(&self, row: &Row) -> Outcome<'_> {
        match (&self.rights, row.who) {
            (_, Who::Anybody) => Outcome::Served(None),
            (Err((status, code)), _) => Outcome::Refused(*status, code),
            (Ok((_, Role::User)), Who::Admin) => Outcome::Refused(403, "FORBIDDEN"),
            (Ok((id, role)), _) => Outcome::Served(Some((id, role.as_str()))),
        }
    }

    /// The caller's own queue token, where one is asked for.
    pub(super) fn queue_token(&self, row: &Row) -> String {
        let owner = self.rights.as_ref().map_or("nobody", |(id, _)| id.as_str());
        row.queue_token()
            .map(|kind| format!("X-Queue-Token: {kind}_{owner}\r\n"))
            .unwrap_or_default()
    }

    fn person(name: &'static str, person: &Person, role: Role) -> Self {
        Self {
            name,
            headers: bearer(&person.token),
            rights: Ok((person.id.to_string(), role)),
        }
    }

    fn refused(name: &'static str, headers: String, code: &'static str) -> Self {
        Self {
            name,
            headers,
            rights: Err((401, code)),
        }
    }

    fn invalid(name: &'static str, token: &str) -> Self {
        Self::refused(name, bearer(token), "UNAUTHENTICATED")
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// All of them; those with rights have queue tokens of their own.
pub(super) async fn all(world: &World) -> Vec<Caller> {
    let (one, other, admin) = (world.somebody(), world.somebody(), world.admin());
    let (stolen, ended) = (world.somebody(), world.somebody());
    let digest = crypto::sha256_hex(stolen.token.as_bytes());
    world.redis.set(&format!("token:blacklist:{digest}"), "1").await;
    world
        .redis
        .set(&format!("token:blacklist:sid:{}", ended.sid), "1")
        .await;

    let spoofed = format!(
        "X-User-Id: {}\r\nX_User_Id: {0}\r\nX-User-Role: ADMIN\r\nX-Internal-Auth: v1;gateway;1;00\r\n",
        other.id
    );
    let past = Clock::adjustable();
    past.advance(TimeDelta::hours(-2));
    let (expired, _) = world
        .issuer(&past)
        .issue(Uuid::now_v7(), Role::Admin, Uuid::now_v7())
        .unwrap();
    let mut admins = claims();
    admins["role"] = json!("ADMIN");
    let with_alg = |alg: &str| hand_made(&json!({"alg": alg, "typ": "JWT"}), &admins);
    let with = |name: &str, value: Value| changed(name, value);
    let other_secret = signed_by(
        "another-secret-0123456789abcdef0123",
        &hs256().to_string(),
        &admins.to_string(),
    );

    let mut callers = vec![
        Caller::person("user A", &one, Role::User),
        Caller::person("user B", &other, Role::User),
        Caller::person("admin", &admin, Role::Admin),
        Caller::refused("nobody", String::new(), "UNAUTHENTICATED"),
        Caller::refused("nobody who says who they are", spoofed.clone(), "UNAUTHENTICATED"),
        Caller::refused(
            "a thief of a token that was logged out",
            bearer(&stolen.token),
            "TOKEN_REVOKED",
        ),
        Caller::refused(
            "a thief of a session that was ended",
            bearer(&ended.token),
            "TOKEN_REVOKED",
        ),
        Caller::refused("an administrator of two hours ago", bearer(&expired), "TOKEN_EXPIRED"),
        Caller::refused(
            "two tokens",
            bearer(&one.token) + &bearer(&admin.token),
            "UNAUTHENTICATED",
        ),
        Caller::invalid("alg none", &with_alg("none")),
        Caller::invalid("alg RS256", &with_alg("RS256")),
        Caller::invalid("another secret", &other_secret),
        Caller::invalid("exp as a string", &with("exp", json!("4102444800"))),
        Caller::invalid("no exp", &without("exp")),
        Caller::invalid("a refresh token", &with("typ", json!("refresh"))),
        Caller::invalid("another typ", &with("typ", json!("JWT"))),
        Caller::invalid("another issuer", &with("iss", json!("someone-else"))),
        Caller::invalid("another audience", &with("aud", json!("someone-else"))),
    ];
    let mut liar = Caller::person("user A who says they are B and an admin", &one, Role::User);
    liar.headers.push_str(&spoofed);
    callers.push(liar);

    for person in [&one, &other, &admin] {
        for kind in ["RESERVATION", "PAYMENT"] {
            let record = json!({"userId": person.id, "eventId": Uuid::now_v7(), "type": kind, "issuedAt": "2026-11-22T10:00:00Z"});
            let key = format!("queue:token:{kind}_{}", person.id);
            world.redis.set(&key, &record.to_string()).await;
        }
    }
    callers
}
