//! What every reply tells a browser (`design.md` §4).

use http::{HeaderMap, HeaderValue, header};

/// Nothing we send is a page, so a browser need not load or run anything for it.
const API_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
/// The gateway's own pages use their own script and style, and no other.
pub(crate) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Completes a reply. A policy that a page of ours has set stays.
pub(crate) fn apply(reply: &mut HeaderMap) {
    reply.insert(
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    );
    reply.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    reply.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply.entry(header::CONTENT_SECURITY_POLICY).or_insert(API_POLICY);
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
