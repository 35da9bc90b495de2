//! Compression of replies over 1 KiB, by gzip or brotli as the client prefers (`design.md` §4). Streams stay as they are: a
//! compressor would hold their events back.
//!
//! An `ETag` stays what the service gave: it names the content, clients send it back in `If-Match`, and we serve no ranges,
//! the only thing for which the bytes of each encoding would need names of their own.

use crate::body::ReplyBody;
use futures_util::future::ready;
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Body;
use std::{convert::Infallible, mem};
use tower::{ServiceExt, service_fn};
use tower_http::{CompressionLevel, compression::Compression};

/// Smaller replies gain nothing.
const MIN_BYTES: u64 = 1024;

/// The reply, compressed as the client takes it.
pub(crate) async fn compress(mut reply: Response<ReplyBody>, accepted: HeaderValue) -> Response<ReplyBody> {
    let mut request = Request::new(());
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepted);
    let status = reply.status();
    let source = service_fn(move |_: Request<()>| {
        ready(Ok::<_, Infallible>(mem::replace(
            &mut reply,
            Response::new(ReplyBody::empty()),
        )))
    });
    let always = |_: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| true;
    // A reply is made for one client while it waits, so speed counts for more than the last percent.
    let compression = Compression::new(source)
        .quality(CompressionLevel::Fastest)
        .compress_when(always);
    let Ok(mut reply) = compression.oneshot(request).await;
    // Who refuses even the plain form gets it all the same: what was done must not look undone.
    *reply.status_mut() = status;
    reply.map(|body| ReplyBody::Compressed(Box::pin(body)))
}

/// Whether a reply gains by it.
pub(crate) fn is_worth_it(reply: &Response<ReplyBody>) -> bool {
    let headers = reply.headers();
    let is_text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|content_type| {
            let essence = content_type.split(';').next().unwrap_or_default().trim();
            let is_stream = essence == "text/event-stream";
            !is_stream && (essence.starts_with("text/") || essence == "application/json" || essence == "image/svg+xml")
        });
    is_text
        && !headers.contains_key(header::CONTENT_ENCODING)
        && reply.body().size_hint().exact().is_none_or(|bytes| bytes > MIN_BYTES)
        && !reply.body().is_end_stream()
}
