//! What every reply tells a browser (`design.md` §4).

use crate::reply_fields::ReplyFields;
use http::{HeaderMap, HeaderValue, header};

/// In every reply.
const ALWAYS: &str = "strict-transport-security: max-age=31536000; includeSubDomains\r\n\
     x-content-type-options: nosniff\r\n\
     x-frame-options: DENY\r\n\
     referrer-policy: no-referrer\r\n";
/// Nothing we send is a page, so a browser need not load or run anything for it.
const API_POLICY: &str =
    "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";
/// The gateway's own pages use their own script and style, and no other.
pub(crate) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// What is said in a reply with these headers. A policy that a page of ours has set stays.
pub(crate) fn fields(reply: &HeaderMap) -> ReplyFields {
    let mut fields = ReplyFields::begin(ALWAYS);
    if !reply.contains_key(header::CONTENT_SECURITY_POLICY) {
        fields.add_lines(API_POLICY);
    }
    fields
}

/// Keeps what was meant for one user out of caches that others use, unless the service said how to cache it.
pub(crate) fn keep_private(reply: &mut HeaderMap) {
    if !reply.contains_key(header::CACHE_CONTROL) {
        // With an ETag the browser may keep a copy, but must ask each time.
        let text = if reply.contains_key(header::ETAG) {
            "private, no-cache"
        } else {
            "no-store"
        };
        reply.insert(header::CACHE_CONTROL, HeaderValue::from_static(text));
    }
}
