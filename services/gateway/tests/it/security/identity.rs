//! Nobody says who they are but by a token: whatever a client writes into the headers that services believe is gone before
//! anybody reads it.

use super::{Check, Stage, get, run};
use crate::helpers::Recorded;
use common::{
    Clock,
    config::Env,
    context::RequestContext,
    identity::{Role, User},
    internal_auth::{Service, SigningKey, outgoing_headers},
};
use http::Method;
use uuid::Uuid;

/// The load balancer's network, from which `X-Forwarded-For` is believed.
const PROXIES: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8,fd00::/8");

#[tokio::test]
async fn headers_give_nobody_an_identity() {
    let stage = Stage::with(&[]).await;
    let checks = checks(&stage);
    run(&stage, checks).await;
}

#[tokio::test]
async fn behind_a_proxy_the_right_most_stranger_is_the_client() {
    run(&Stage::with(&[PROXIES]).await, checks_behind_a_proxy()).await;
}

/// What the gateway may say to a service about a request of nobody.
fn is_anonymous(got: &Recorded) -> bool {
    let ours = ["x-internal-auth", "x-request-id", "x-client-address", "x-kept"];
    let foreign = [
        "forwarded",
        "remote-user",
        "true-client-ip",
        "cf-connecting-ip",
        "client-ip",
        "authorization",
    ];
    let names = || got.headers.keys().map(http::HeaderName::as_str);
    names()
        .filter(|name| name.starts_with('x'))
        .all(|name| ours.contains(&name))
        && !names().any(|name| foreign.contains(&name))
        && !names().any(|name| name.replace(['_', '.'], "-").contains("user-id"))
        && ours[..3]
            .iter()
            .all(|name| got.headers.get_all(*name).iter().count() == 1)
        && got.header("x-client-address") == Some("127.0.0.1")
}

pub(super) fn checks(stage: &Stage) -> Vec<Check> {
    let mut checks = spoofed();
    checks.extend(over_a_token(stage));
    checks.extend(internal_credentials());
    checks.extend(request_ids());
    checks
}

fn spoofed() -> Vec<Check> {
    let id = "0197c7a0-0000-7000-8000-000000000001";
    let by_value = |name: &str| format!("{name}: {id}\r\n");
    let rows = [
        ("X-User-Id", by_value("X-User-Id")),
        ("x-user-id", by_value("x-user-id")),
        ("X-USER-ID", by_value("X-USER-ID")),
        ("X_User_Id", by_value("X_User_Id")),
        ("x_user_id", by_value("x_user_id")),
        ("x.user.id", by_value("x.user.id")),
        ("x~user~id", by_value("x~user~id")),
        ("X-User_Id", by_value("X-User_Id")),
        ("X-UserId", by_value("X-UserId")),
        ("X-User", by_value("X-User")),
        ("X-User-Email", by_value("X-User-Email")),
        ("X-User-Role", "X-User-Role: ADMIN\r\n".into()),
        ("X_USER_ROLE", "X_USER_ROLE: ADMIN\r\n".into()),
        ("X-Role", "X-Role: ADMIN\r\n".into()),
        ("X-Admin", "X-Admin: true\r\n".into()),
        ("X-Remote-User", by_value("X-Remote-User")),
        ("Remote-User", by_value("Remote-User")),
        ("X-Auth-User", by_value("X-Auth-User")),
        ("X-Authenticated-User", by_value("X-Authenticated-User")),
        ("X-Forwarded-User", by_value("X-Forwarded-User")),
        ("X-Client-Address", "X-Client-Address: 10.0.0.1\r\n".into()),
        ("X_Client_Address", "X_Client_Address: 10.0.0.1\r\n".into()),
        ("X-Client-IP", "X-Client-IP: 10.0.0.1\r\n".into()),
        ("X-Real-IP", "X-Real-IP: 10.0.0.1\r\n".into()),
        ("True-Client-IP", "True-Client-IP: 10.0.0.1\r\n".into()),
        ("CF-Connecting-IP", "CF-Connecting-IP: 10.0.0.1\r\n".into()),
        ("X-Forwarded-For of a stranger", "X-Forwarded-For: 10.0.0.1\r\n".into()),
        ("Forwarded of a stranger", "Forwarded: for=10.0.0.1\r\n".into()),
        ("X-Forwarded-Host", "X-Forwarded-Host: elsewhere\r\n".into()),
        ("X-Forwarded-Proto", "X-Forwarded-Proto: http\r\n".into()),
        ("X-Forwarded-Prefix", "X-Forwarded-Prefix: /internal\r\n".into()),
        ("X-Original-URL", "X-Original-URL: /internal/events\r\n".into()),
        ("X-Rewrite-URL", "X-Rewrite-URL: /internal/events\r\n".into()),
        ("X-HTTP-Method-Override", "X-HTTP-Method-Override: DELETE\r\n".into()),
        ("X-HTTP-Method", "X-HTTP-Method: DELETE\r\n".into()),
        ("X-Method-Override", "X-Method-Override: DELETE\r\n".into()),
        ("X_HTTP_METHOD_OVERRIDE", "X_HTTP_METHOD_OVERRIDE: DELETE\r\n".into()),
        ("an identity many times", by_value("X-User-Id").repeat(20)),
        ("an identity with spaces", format!("X-User-Id:   {id}   \r\n")),
        ("an empty identity", "X-User-Id:\r\nX-User-Role:\r\n".into()),
        (
            "an identity that Connection names",
            format!("Connection: X-User-Id\r\nX-User-Id: {id}\r\n"),
        ),
        (
            "our own headers named by Connection",
            "Connection: X-Internal-Auth, X-Request-Id, X-Client-Address, Host\r\n".into(),
        ),
        (
            "Connection naming itself",
            "Connection: Connection, close\r\nX-Kept: 1\r\n".into(),
        ),
        (
            "Connection naming nonsense",
            "Connection: , ;=, \"x\"\r\nX-Kept: 1\r\n".into(),
        ),
    ];
    rows.into_iter()
        .map(|(name, lines)| Check::passes(name, get("/events/$", &lines)).upstream(is_anonymous))
        .collect()
}

/// What a client adds to its own good token changes nothing about who it is.
fn over_a_token(stage: &Stage) -> Vec<Check> {
    let (own, other) = (stage.buyer.id.to_string(), stage.other.id);
    let rows = [
        ("another user's id beside a token", format!("X-User-Id: {other}\r\n")),
        (
            "another user's id under an alias beside a token",
            format!("X_User_Id: {other}\r\n"),
        ),
        ("a role beside a token", "X-User-Role: ADMIN\r\n".into()),
        (
            "a role under an alias beside a token",
            "X_USER_ROLE: ADMIN\r\nX.User.Role: ADMIN\r\n".into(),
        ),
        (
            "Connection naming the identity beside a token",
            "Connection: X-User-Id, X-User-Role\r\n".into(),
        ),
    ];
    rows.into_iter()
        .map(|(name, lines)| {
            let own = own.clone();
            let request = get(
                "/users/me?$",
                &format!("Authorization: Bearer {}\r\n{lines}", stage.buyer.token),
            );
            Check::passes(name, request).upstream(move |got| {
                let all = |name: &str| got.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
                all("x-user-id") == [own.as_str()]
                    && all("x-user-role") == ["USER"]
                    && !got.headers.keys().any(|name| name.as_str().contains(['_', '.']))
            })
        })
        .chain([
            Check::problem(
                "an identity without a token",
                get("/users/me?$", &format!("X-User-Id: {other}\r\nX-User-Role: USER\r\n")),
                401,
                "UNAUTHENTICATED",
            ),
            Check::problem(
                "a role over a buyer's token",
                get(
                    "/admin/users?$",
                    &format!(
                        "Authorization: Bearer {}\r\nX-User-Role: ADMIN\r\nX-Role: ADMIN\r\n",
                        stage.buyer.token
                    ),
                ),
                403,
                "FORBIDDEN",
            ),
        ])
        .collect()
}

/// Credentials between ourselves are worth nothing from outside, not even good ones.
fn internal_credentials() -> Vec<Check> {
    let env = Env::from_pairs::<String, String>([]).unwrap();
    let admin = User {
        id: Uuid::now_v7(),
        role: Role::Admin,
    };
    let genuine = |service: Service, path: &str| {
        let key = SigningKey::from_env(&env, service).unwrap();
        let context = RequestContext::new();
        outgoing_headers(&key, &Clock::system(), &Method::GET, path, Some(admin), &context)
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()))
            .collect::<String>()
    };
    let fresh = |got: &Recorded| is_anonymous(got) && !got.headers.contains_key("x-user-id");
    vec![
        Check::passes(
            "X-Internal-Auth",
            get("/events/$", "X-Internal-Auth: v1;gateway;1;00\r\n"),
        )
        .upstream(fresh),
        Check::passes(
            "X_Internal_Auth",
            get("/events/$", "X_Internal_Auth: v1;gateway;1;00\r\n"),
        )
        .upstream(fresh),
        Check::passes("X-Internal-Anything", get("/events/$", "X-Internal-Key: 1\r\n")).upstream(fresh),
        Check::passes(
            "a genuine credential of the gateway, replayed",
            get("/events/$", &genuine(Service::Gateway, "/events")),
        )
        .through_any()
        .upstream(fresh),
        Check::problem(
            "a genuine credential of the gateway in place of a token",
            get("/users/me", &genuine(Service::Gateway, "/users/me")),
            401,
            "UNAUTHENTICATED",
        ),
        Check::problem(
            "a genuine credential of a service on an internal route",
            get("/internal/events/$", &genuine(Service::Payment, "/internal/events/x")),
            404,
            "NOT_FOUND",
        ),
        Check::problem(
            "a genuine credential of a service on an admin route",
            get("/admin/users", &genuine(Service::User, "/admin/users")),
            401,
            "UNAUTHENTICATED",
        ),
    ]
}

/// A request id goes into logs and headers as it is, so only a plain one is kept.
fn request_ids() -> Vec<Check> {
    let mut checks: Vec<Check> = [
        ("a request id with a space", "X-Request-Id: a b\r\n".to_owned()),
        ("a request id with a quote", "X-Request-Id: a\"b\r\n".into()),
        ("a request id with markup", "X-Request-Id: <script>\r\n".into()),
        ("a request id with a tab", "X-Request-Id: a\tb\r\n".into()),
        ("a request id in percent encoding", "X-Request-Id: a%0d%0ab\r\n".into()),
        ("a request id beyond ASCII", "X-Request-Id: \u{e4}\r\n".into()),
        (
            "a request id that is too long",
            format!("X-Request-Id: {}\r\n", "x".repeat(129)),
        ),
        ("an empty request id", "X-Request-Id:\r\n".into()),
    ]
    .into_iter()
    .map(|(name, lines)| {
        let made = |id: &str| Uuid::parse_str(id).is_ok();
        Check::passes(name, get("/events/$", &lines))
            .upstream(move |got| got.header("x-request-id").is_some_and(made))
            .reply(move |reply| made(reply.header("x-request-id")))
    })
    .collect();
    checks.push(
        Check::passes("a sane request id", get("/events", "X-Request-Id: $.a_b:C-1\r\n"))
            .reply(|reply| reply.header("x-request-id").ends_with(".a_b:C-1")),
    );
    checks.push(
        Check::passes(
            "two request ids",
            get("/events", "X-Request-Id: $\r\nX-Request-Id: second\r\n"),
        )
        .upstream(|got| got.headers.get_all("x-request-id").iter().count() == 1),
    );
    checks.push(
        Check::passes("a trace that is none", get("/events/$", "Traceparent: 00-x-y-01\r\n")).upstream(|got| {
            let traces: Vec<_> = got.headers.get_all("traceparent").iter().collect();
            matches!(traces.as_slice(), [trace] if trace.len() == 55)
        }),
    );
    checks
}

pub(super) fn checks_behind_a_proxy() -> Vec<Check> {
    let rows = [
        ("no X-Forwarded-For from a proxy", "", "127.0.0.1"),
        ("one hop", "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
        (
            "what the client claimed before",
            "X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n",
            "203.0.113.9",
        ),
        (
            "a proxy's own address on the right",
            "X-Forwarded-For: 203.0.113.9, 10.0.0.7\r\n",
            "203.0.113.9",
        ),
        (
            "two lines",
            "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.9\r\n",
            "203.0.113.9",
        ),
        (
            "a claimed proxy further left",
            "X-Forwarded-For: 10.0.0.9, 203.0.113.9\r\n",
            "203.0.113.9",
        ),
        ("only proxies", "X-Forwarded-For: 10.0.0.9, 10.0.0.7\r\n", "10.0.0.9"),
        (
            "no address behind proxies",
            "X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.7\r\n",
            "10.0.0.7",
        ),
        ("nothing but nonsense", "X-Forwarded-For: nonsense\r\n", "127.0.0.1"),
        ("an empty hop", "X-Forwarded-For: 1.1.1.1,, 10.0.0.7\r\n", "10.0.0.7"),
        (
            "a hop with a port",
            "X-Forwarded-For: 203.0.113.9:4711\r\n",
            "203.0.113.9",
        ),
        (
            "an IPv6 hop with a port",
            "X-Forwarded-For: [2001:db8::1]:4711\r\n",
            "2001:db8::1",
        ),
        (
            "an IPv6 hop of a proxy's network",
            "X-Forwarded-For: 203.0.113.9, fd00::1\r\n",
            "203.0.113.9",
        ),
        (
            "a mapped proxy",
            "X-Forwarded-For: 203.0.113.9, ::ffff:10.0.0.1\r\n",
            "203.0.113.9",
        ),
        ("a hop in octal", "X-Forwarded-For: 0177.0.0.1\r\n", "127.0.0.1"),
        (
            "a hop with injected text",
            "X-Forwarded-For: 203.0.113.9\"; x\r\n",
            "127.0.0.1",
        ),
        (
            "X_Forwarded_For is no X-Forwarded-For",
            "X_Forwarded_For: 203.0.113.9\r\n",
            "127.0.0.1",
        ),
        ("Forwarded is not asked", "Forwarded: for=203.0.113.9\r\n", "127.0.0.1"),
        ("X-Real-IP is not asked", "X-Real-IP: 203.0.113.9\r\n", "127.0.0.1"),
    ];
    rows.into_iter()
        .map(|(name, lines, client)| {
            Check::passes(name, get("/events/$", lines)).upstream(move |got| {
                got.header("x-client-address") == Some(client)
                    && !got.headers.contains_key("x-forwarded-for")
                    && !got.headers.contains_key("x-real-ip")
            })
        })
        .collect()
}
