//! Whom a request is for. We serve every name alike, but a name that servers on the way read differently lets a request
//! through a rule or into a cache that was meant for another.

use crate::refusal::Refusal;
use common::problem::{Code, Problem};
use http::{HeaderValue, Version, header, request::Parts};

/// HTTP/1.1 demands exactly one `Host` (RFC 9112 §3.2); with two, servers on the way could disagree about whose it is. In
/// HTTP/2 the target itself names it, and `Host` may repeat that and say nothing else.
///
/// # Errors
/// 400.
pub(crate) fn check_host(head: &Parts) -> Result<(), Refusal> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let clear = match (head.uri.authority(), host) {
        (Some(authority), Some(host)) => authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()),
        (Some(_), None) => head.version != Version::HTTP_11,
        (None, Some(_)) => true,
        (None, None) => head.version < Version::HTTP_11,
    };
    let named = [
        head.uri.authority().map(|authority| authority.as_str().as_bytes()),
        host.map(HeaderValue::as_bytes),
    ];
    if clear && second.is_none() && named.into_iter().flatten().all(is_host) {
        Ok(())
    } else {
        Err(Problem::new(Code::MalformedRequest)
            .detail("There must be one Host header, and it must name what the target names.")
            .into())
    }
}

/// Whether it is a name or an address, with or without a port.
fn is_host(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let (name, port) = match text.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else {
                return false;
            };
            let (address, port) = rest.split_at(end);
            let text = std::str::from_utf8(address).unwrap_or_default();
            if text.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (&b"v6"[..], &port[1..])
        }
        None => text.split_at(text.iter().position(|byte| *byte == b':').unwrap_or(text.len())),
    };
    !name.is_empty() && name.iter().all(is_name) && is_port(port)
}

fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => {
            let digits = std::str::from_utf8(digits).ok();
            digits.is_some_and(|digits| !digits.starts_with('+') && digits.parse::<u16>().is_ok())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_hosts() {
        for text in [
            "x",
            "a.example",
            "a_b-c.example:80",
            "127.0.0.1:8080",
            "[::1]",
            "[2001:db8::1]:443",
        ] {
            assert!(is_host(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "", ":80", "a b", "a/b", "a?b", "a#b", "u@a", "a,b", "a:x", "a:", "a:+1", "a:70000", "a:1:2", "[::1", "[]",
            "[x]", "[::1]x", "::1", "http://a", "a\\b", "\u{e4}", "%61",
        ] {
            assert!(!is_host(text.as_bytes()), "{text}");
        }
    }
}
