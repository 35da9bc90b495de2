//! `Idempotency-Key`: the first reply to a key is the only one for three hours.
//!
//! Two things PortOne leaves open are decided strictly here, so that a client that relies on them is noticed: a
//! malformed key is refused, and so is the same key with another request.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::PortoneError;
use crate::faults::NotPerformed;
use crate::state::{Simulators, lock};

const KEPT: TimeDelta = TimeDelta::hours(3);
const BODY_LIMIT: usize = 1 << 20;

type Fingerprint = [u8; 32];

#[derive(Default)]
pub(crate) struct RememberedReplies(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    by_key: HashMap<String, Slot>,
    /// Keys in the order of their first use, for forgetting them.
    in_order: VecDeque<(DateTime<Utc>, String)>,
}

struct Slot {
    fingerprint: Fingerprint,
    /// Absent while the first request runs.
    reply: Option<StoredReply>,
}

#[derive(Clone)]
struct StoredReply {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

enum Claim {
    First,
    Repeat(StoredReply),
}

impl RememberedReplies {
    fn claim(&self, key: &str, fingerprint: Fingerprint, now: DateTime<Utc>) -> Result<Claim, PortoneError> {
        let remembered = &mut *lock(&self.0);
        while let Some((_, old)) = remembered.in_order.pop_front_if(|(since, _)| now - *since >= KEPT) {
            remembered.by_key.remove(&old);
        }
        match remembered.by_key.get(key) {
            None => {
                remembered.by_key.insert(
                    key.to_owned(),
                    Slot {
                        fingerprint,
                        reply: None,
                    },
                );
                remembered.in_order.push_back((now, key.to_owned()));
                Ok(Claim::First)
            }
            Some(slot) if slot.fingerprint != fingerprint => Err(PortoneError::InvalidRequest(
                "the idempotency key belongs to another request".to_owned(),
            )),
            Some(Slot { reply: Some(reply), .. }) => Ok(Claim::Repeat(reply.clone())),
            Some(Slot { reply: None, .. }) => Err(PortoneError::IdempotencyOutstandingRequest),
        }
    }

    fn remember(&self, key: &str, reply: StoredReply) {
        if let Some(slot) = lock(&self.0).by_key.get_mut(key) {
            slot.reply = Some(reply);
        }
    }

    fn forget(&self, key: &str) {
        let remembered = &mut *lock(&self.0);
        remembered.by_key.remove(key);
        remembered.in_order.retain(|(_, known)| known != key);
    }
}

/// Middleware of the whole API; GET ignores the header.
pub(crate) async fn answer_once(State(simulators): State<Arc<Simulators>>, request: Request, next: Next) -> Response {
    let Some(header) = request.headers().get("idempotency-key").cloned() else {
        return next.run(request).await;
    };
    if request.method() == Method::GET {
        return next.run(request).await;
    }
    match answer_keyed(&simulators, &header, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer_keyed(
    simulators: &Simulators,
    header: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, PortoneError> {
    let key = header.to_str().ok().and_then(parse_key).ok_or_else(|| {
        PortoneError::InvalidRequest("Idempotency-Key is not a quoted string of 16 to 256 ASCII characters".to_owned())
    })?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|_| PortoneError::InvalidRequest("the body could not be read".to_owned()))?;
    let fingerprint = Sha256::new()
        .chain_update(format!("{} {}\n", parts.method, parts.uri))
        .chain_update(&body)
        .finalize()
        .into();

    match simulators
        .replies
        .claim(key, fingerprint, simulators.config.clock.now())?
    {
        Claim::Repeat(reply) => Ok(reply.into_response()),
        Claim::First => {
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            if response.extensions().get::<NotPerformed>().is_some() {
                simulators.replies.forget(key);
                return Ok(response);
            }
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
            let content_type = parts.headers.get(header::CONTENT_TYPE).cloned();
            simulators.replies.remember(
                key,
                StoredReply {
                    status: parts.status,
                    content_type,
                    body: body.clone(),
                },
            );
            Ok(Response::from_parts(parts, Body::from(body)))
        }
    }
}

/// The inside of an RFC 8941 string without escapes.
fn parse_key(header: &str) -> Option<&str> {
    let key = header.strip_prefix('"')?.strip_suffix('"')?;
    let plain = key
        .bytes()
        .all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\');
    (plain && (16..=256).contains(&key.len())).then_some(key)
}

impl IntoResponse for StoredReply {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        if let Some(content_type) = self.content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        response
    }
}
