use http::{HeaderMap, header};

/// Whether the client has the current representation already. Weak comparison, as RFC 9110 wants it for `If-None-Match`.
pub(super) fn client_has(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|candidate| candidate == "*" || opaque(candidate) == opaque(etag))
}

fn opaque(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn has(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        client_has(&headers, "W/\"7\"")
    }

    #[test]
    fn weak_strong_listed_and_any_tags_match() {
        assert!(has("W/\"7\"") && has("\"7\"") && has("\"1\", W/\"7\"") && has("*"));
        assert!(!has("\"8\"") && !has("7") && !has("") && !client_has(&HeaderMap::new(), "W/\"7\""));
    }
}
