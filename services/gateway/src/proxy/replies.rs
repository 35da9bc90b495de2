//! What becomes of a service's reply on its way to the client.
//!
//! A 5xx says nothing of its cause (`design.md` §2). Our services keep to that by answering with a problem; what else answers
//! in their place (a panic, a proxy between, a server's default page) does not know the rule. So a 5xx passes only if it is
//! one of our problems, and is replaced by ours otherwise.

use super::client::ServiceBody;
use crate::{body::ReplyBody, refusal::Refusal, steps::strip_identity};
use bytes::Bytes;
use common::{
    client::is_failure,
    problem::{Code, Problem},
};
use http::{HeaderMap, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Collected, Limited};
use resilience::breaker::Outcome;
use serde::Deserialize;
use std::time::Duration;

/// A problem of ours is smaller.
const MAX_PROBLEM_BYTES: usize = 16 * 1024;
const PROBLEM: &str = "application/problem+json";

/// What a reply says about the service's health.
pub(super) fn judge(reply: &Response<ServiceBody>) -> Outcome {
    if is_failure(reply.status(), reply.headers()) {
        Outcome::Failure
    } else {
        Outcome::Success
    }
}

/// The reply as the client may see it. It may be silent for so long, or without a limit if it is a stream.
///
/// # Errors
/// In place of a 5xx that says more than it should.
pub(super) async fn checked(
    reply: Response<ServiceBody>,
    service: &'static str,
    silence: Duration,
    is_stream: bool,
) -> Result<Response<ReplyBody>, Refusal> {
    let (mut head, body) = reply.into_parts();
    strip_identity::strip_reply(&mut head.headers);
    head.version = Version::HTTP_11;
    if !head.status.is_server_error() {
        let body = ReplyBody::upstream(body, service, (!is_stream).then_some(silence));
        return Ok(Response::from_parts(head, body));
    }
    let collected = if is_problem(&head.headers) {
        let body = ReplyBody::upstream(body, service, Some(silence));
        Limited::new(body, MAX_PROBLEM_BYTES).collect().await.ok()
    } else {
        None
    };
    match collected.map(Collected::to_bytes) {
        Some(body) if says_nothing_more(head.status, &body) => {
            let body = ReplyBody::upstream(ServiceBody::from(body), service, None);
            Ok(Response::from_parts(head, body))
        }
        _ => Err(instead_of(head.status, &head.headers)),
    }
}

fn is_problem(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let essence = content_type.and_then(|text| text.split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(PROBLEM.as_bytes()))
}

/// The members that every problem of ours has.
#[derive(Deserialize)]
struct Members<'a> {
    status: u16,
    code: &'a str,
}

/// Whether it is a problem of ours, of this status.
fn says_nothing_more(status: StatusCode, body: &Bytes) -> bool {
    serde_json::from_slice::<Members<'_>>(body).is_ok_and(|members| {
        members.status == status && Code::parse(members.code).is_some_and(|code| code.status() == status)
    })
}

/// Ours for a service's: of the same meaning, as far as it has one here.
fn instead_of(status: StatusCode, headers: &HeaderMap) -> Refusal {
    let code = match status {
        StatusCode::BAD_GATEWAY => Code::UpstreamFailed,
        StatusCode::SERVICE_UNAVAILABLE => Code::ServiceUnavailable,
        StatusCode::GATEWAY_TIMEOUT => Code::UpstreamTimeout,
        _ => Code::Internal,
    };
    let mut problem = Problem::new(code);
    if status == StatusCode::SERVICE_UNAVAILABLE
        && let Some(wait) = headers.get(header::RETRY_AFTER)
        && let Some(seconds) = wait.to_str().ok().and_then(|seconds| seconds.trim().parse().ok())
    {
        problem = problem.retry_after(Duration::from_secs(seconds));
    }
    Refusal::from(problem).because(format_args!("the service answered {status} with no problem of ours"))
}
