//! The queue token of a route that needs one: it must exist, be of the route's kind and be the caller's. Event and
//! reservation stand in the body, which is only streamed past, so the service checks those (`design.md` §4).

use crate::{refusal::Refusal, route_table::TokenKind};
use common::problem::Code;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use uuid::Uuid;

const QUEUE_TOKEN: &str = "x-queue-token";
/// Longer ones are not ours.
const MAX_TOKEN_BYTES: usize = 128;

/// What the queue service wrote about a token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    user_id: Uuid,
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

/// The token a request presents, if any.
///
/// # Errors
/// `QUEUE_TOKEN_INVALID` when it cannot be one.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(QUEUE_TOKEN).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // With two values, the service could take the one that was not checked.
    let single = if values.next().is_some() { None } else { Some(value) };
    match single
        .and_then(text)
        .filter(|token| (1..=MAX_TOKEN_BYTES).contains(&token.len()))
    {
        Some(token) => Ok(Some(token)),
        None => Err(Code::QueueTokenInvalid.into()),
    }
}

/// Checks what Redis holds for the presented token.
///
/// # Errors
/// `QUEUE_TOKEN_INVALID`.
pub(crate) fn check(record: Option<&[u8]>, kind: TokenKind, user: Uuid) -> Result<(), Refusal> {
    let Some(record) = record else {
        return Err(Refusal::from(Code::QueueTokenInvalid).because("unknown token"));
    };
    let invalid = |cause: &str| Err(Refusal::from(Code::QueueTokenInvalid).because(cause));
    match serde_json::from_slice::<Record<'_>>(record) {
        Ok(record) if record.kind != kind.as_str() => invalid("a token of another kind"),
        Ok(record) if record.user_id != user => invalid("another user's token"),
        Ok(_) => Ok(()),
        Err(_) => invalid("an unreadable token record"),
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
}
