//! Takes from a request whatever a client must not say: who it is, what only we say to each other, and what concerns this
//! connection alone.
//!
//! Some servers treat `X_User_Id`, `X-User-Id` and `x.user.id` as one name. Ours does not, but what stands behind it may
//! change, so a name that has anything but letters, digits and hyphens is dropped, as by many gateways.

use http::{HeaderMap, HeaderName, header};

/// Names that begin like this are dropped: identity, internal credentials, where the request came from (only we know), and
/// what asks a server to act on another method or path than the ones we checked.
const FORBIDDEN_PREFIXES: [&str; 19] = [
    "x-user",
    "x-internal",
    "x-auth-",
    "x-authenticated",
    "x-remote-",
    "x-role",
    "x-admin",
    "remote-user",
    "x-forwarded",
    "forwarded",
    "x-real-ip",
    "x-client-",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-original-",
    "x-rewrite-",
    "x-http-method",
    "x-method-override",
];

/// What belongs to one connection (RFC 9110 §7.6.1). `Host` is ours to set; an expectation is answered by our server.
fn is_of_one_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
            | "host"
    )
}

/// Strips a request's headers.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    strip(headers, |name| is_of_one_connection(name) || is_forbidden(name));
}

/// Strips a reply's headers: the same, what only the gateway says, and who made the reply.
pub(crate) fn strip_reply(headers: &mut HeaderMap) {
    strip(headers, |name| {
        matches!(name, "server" | "x-powered-by" | "proxy-authenticate")
            || is_of_one_connection(name)
            || is_ours_to_say(name)
            || is_forbidden(name)
    });
}

/// What stands in every reply, whoever made it, and must not stand there twice.
fn is_ours_to_say(name: &str) -> bool {
    let ours = [
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "x-request-id",
    ];
    name.starts_with("access-control-") || name.starts_with("ratelimit") || ours.contains(&name)
}

fn strip(headers: &mut HeaderMap, is_stripped: impl Fn(&str) -> bool) {
    let names = headers.keys().filter(|name| is_stripped(name.as_str()));
    // Without an allocation where there is nothing to strip.
    let names: Vec<HeaderName> = names.cloned().collect();
    if names.contains(&header::CONNECTION) {
        strip_named_by_connection(headers);
    }
    for name in &names {
        headers.remove(name);
    }
}

fn strip_named_by_connection(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
        .collect();
    for name in &names {
        headers.remove(name);
    }
}

/// Names are in lower case here, and HTTP's parser leaves no control characters in them.
fn is_forbidden(name: &str) -> bool {
    // What nearly every message has, and is quicker to compare than to look through.
    if matches!(
        name,
        "accept" | "authorization" | "content-length" | "content-type" | "cookie" | "date" | "user-agent"
    ) {
        return false;
    }
    // Without an early end, several bytes are looked at in one step.
    let is_odd = |byte: u8| !(byte.is_ascii_alphanumeric() || byte == b'-');
    let has_odd = name.bytes().fold(false, |odd, byte| odd | is_odd(byte));
    // Nearly every name differs from all prefixes in its first letter, which is cheap to see.
    let may_match = matches!(name.as_bytes().first(), Some(b'x' | b'r' | b'f' | b't' | b'c'));
    has_odd || may_match && FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn stripped(pairs: &[(&str, &str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        strip_request(&mut headers);
        headers.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn identity_goes_in_any_spelling() {
        for name in [
            "X-User-Id",
            "x-user-role",
            "X_USER_ID",
            "x-user_id",
            "x.user.id",
            "X-Internal-Auth",
            "x_internal_auth",
            "X-Internal-Anything",
            "X-Forwarded-For",
            "X-Real-IP",
            "X-Client-Address",
            "Remote-User",
            "X-HTTP-Method-Override",
            "X-Original-URL",
            "content_length",
            "transfer_encoding",
            "x~kept",
        ] {
            assert_eq!(stripped(&[(name, "1")]), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn what_connection_names_goes_with_it() {
        let left = stripped(&[
            ("connection", "close, X-Queue-Token"),
            ("x-queue-token", "t"),
            ("accept", "*/*"),
        ]);
        assert_eq!(left, ["accept"]);
    }

    #[test]
    fn what_a_client_may_say_stays() {
        let names = [
            "user-agent",
            "x-queue-token",
            "x-queue-ticket",
            "idempotency-key",
            "if-match",
            "webhook-id",
            "cookie",
        ];
        for name in names {
            assert_eq!(stripped(&[(name, "1")]), [name]);
        }
    }
}
