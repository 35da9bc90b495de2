//! Who asked, and as part of which trace: the request id and the W3C trace context that travel through HTTP calls, outbox
//! rows and Kafka headers (`design.md` §2). Held in a task-local, so that deep code can pass it on without a parameter.

use crate::traces::{self, Notes};
use http::HeaderName;
use std::{fmt, future::Future, ops::Range};
use uuid::{Uuid, fmt::Hyphenated};

/// Header carrying the request id.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Header carrying the W3C trace context.
pub const TRACEPARENT_HEADER: &str = "traceparent";
/// Longer ids are replaced: they would only bloat logs.
const MAX_REQUEST_ID_CHARS: usize = 128;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// The request or message being handled.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The client's `X-Request-Id` if it was a sane token, else one of ours.
    pub request_id: String,
    /// Our position in the distributed trace.
    pub trace: TraceParent,
    /// The message whose handling this is, if it is one (`metadata.causationId` of what it sends).
    pub causation_id: Option<Uuid>,
    /// What its span will tell besides.
    pub(crate) notes: Notes,
}

impl RequestContext {
    /// The context of an incoming request, from its headers; ids that are missing or not sane are made. Whether its trace is
    /// recorded is the caller's decision.
    #[must_use]
    pub fn from_headers(headers: &http::HeaderMap) -> Self {
        let (request_id, traceparent) = ids(headers);
        Self::from_parts(request_id, traceparent)
    }

    /// The context of a request from outside. A client may say which trace it is part of, but not that it is recorded:
    /// that is decided here, for each request anew, so that nobody can have everything recorded.
    #[must_use]
    pub fn from_client(headers: &http::HeaderMap) -> Self {
        let (request_id, traceparent) = ids(headers);
        let asked = traceparent.and_then(TraceParent::parse);
        let trace = asked.map_or_else(TraceParent::random, TraceParent::child).decided();
        Self::at(request_id, trace, Notes::none())
    }

    /// The context for what a given request id and `traceparent` began; either is made when missing or not sane.
    #[must_use]
    pub fn from_parts(request_id: Option<&str>, traceparent: Option<&str>) -> Self {
        let parent = traceparent.and_then(TraceParent::parse);
        let trace = parent.map_or_else(|| TraceParent::random().decided(), TraceParent::child);
        Self::at(request_id, trace, Notes::of(trace))
    }

    /// A fresh context, for work that no request began and whose trace nobody records; see [`traces::background`].
    #[must_use]
    pub fn new() -> Self {
        Self::at(None, TraceParent::random(), Notes::none())
    }

    /// A fresh context, the root of a trace that may be recorded.
    pub(crate) fn root() -> Self {
        Self::from_parts(None, None)
    }

    /// Where deep code leaves what the span shall tell.
    #[must_use]
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }

    fn at(request_id: Option<&str>, trace: TraceParent, notes: Notes) -> Self {
        Self {
            request_id: request_id.filter(|id| is_sane(id)).map_or_else(new_id, str::to_owned),
            trace,
            causation_id: None,
            notes,
        }
    }

    /// The request id as the UUID that messages carry as `correlationId`: itself if it is one, else derived from it, so
    /// that the same request always gives the same id.
    #[must_use]
    pub fn correlation_id(&self) -> Uuid {
        Uuid::parse_str(&self.request_id).unwrap_or_else(|_| {
            let digest = crate::crypto::sha256(self.request_id.as_bytes());
            let mut bytes = [0_u8; 16];
            bytes.copy_from_slice(&digest[..16]);
            uuid::Builder::from_random_bytes(bytes).into_uuid()
        })
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::new()
    }
}

/// A position in a trace, and what travels of it: a W3C `traceparent`, version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    span_id: u64,
    /// The span this one hangs under, 0 if there is none or it is not known. It does not travel.
    parent_id: u64,
    flags: u8,
}

/// The flag that says that the trace is recorded.
const SAMPLED: u8 = 1;

impl TraceParent {
    /// Parses a header value; `None` if it is malformed or has a zero id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lower_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let well_formed = version.len() == 2
            && version != "ff"
            && trace.len() == 32
            && span.len() == 16
            && flags.len() == 2
            && [version, trace, span, flags].into_iter().all(lower_hex)
            && (version != "00" || parts.next().is_none());
        if !well_formed {
            return None;
        }
        let parsed = Self {
            trace_id: u128::from_str_radix(trace, 16).ok()?,
            span_id: u64::from_str_radix(span, 16).ok()?,
            parent_id: 0,
            flags: u8::from_str_radix(flags, 16).ok()?,
        };
        (parsed.trace_id != 0 && parsed.span_id != 0).then_some(parsed)
    }

    /// The start of a trace of our own, which is not recorded.
    #[must_use]
    pub fn random() -> Self {
        Self {
            trace_id: rand::random::<u128>() | 1,
            span_id: rand::random::<u64>() | 1,
            parent_id: 0,
            flags: 0,
        }
    }

    /// A new span in the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        self.child_of_id(rand::random::<u64>())
    }

    /// The span of that id under this one: for what is done again and shall be the same span then.
    #[must_use]
    pub fn child_of_id(self, span_id: u64) -> Self {
        Self {
            span_id: span_id | 1,
            parent_id: self.span_id,
            ..self
        }
    }

    /// The same position, recorded or not as the sampling of this process has it. The span's own id is ours and random, so
    /// it serves as the die.
    fn decided(self) -> Self {
        Self {
            flags: if traces::is_chosen(self.span_id) { SAMPLED } else { 0 },
            ..self
        }
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Trace, span and parent, the latter 0 if there is none.
    pub(crate) fn ids(self) -> (u128, u64, u64) {
        (self.trace_id, self.span_id, self.parent_id)
    }

    /// The trace id as 32 hex digits, as logs show it.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The text of the header; the trace id is in bytes 3 to 34 of it.
    #[must_use]
    pub fn text(&self) -> [u8; Self::LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        // They fail only where the room is not that of the digits.
        let _encoded = hex::encode_to_slice(self.trace_id.to_be_bytes(), &mut text[Self::TRACE_ID]);
        let _encoded = hex::encode_to_slice(self.span_id.to_be_bytes(), &mut text[36..52]);
        let _encoded = hex::encode_to_slice([self.flags], &mut text[53..]);
        text
    }

    /// So long is the text.
    pub const LENGTH: usize = 55;
    /// Where the trace id stands in it.
    pub const TRACE_ID: Range<usize> = 3..35;
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

/// A context as it is stored, for work that goes on when its request has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Of the request that began it.
    pub request_id: String,
    /// Where in its trace that was.
    pub traceparent: String,
}

impl Origin {
    /// The current task's.
    #[must_use]
    pub fn of_current() -> Self {
        let context = current();
        Self {
            request_id: context.request_id,
            traceparent: context.trace.to_string(),
        }
    }

    /// Whether the current task is what began it, or part of it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let current = try_current().map(|context| context.trace.trace_id());
        current.as_deref() == self.traceparent.get(TraceParent::TRACE_ID)
    }
}

/// The context of the current task, or a fresh one outside of any request.
#[must_use]
pub fn current() -> RequestContext {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// The context of the current task, if it has one.
#[must_use]
pub fn try_current() -> Option<RequestContext> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Shows the current task's notes, if it has some.
pub(crate) fn with_notes(look: impl FnOnce(&Notes)) {
    // Outside of any request there is nobody to tell.
    let _told = CURRENT.try_with(|context| look(&context.notes));
}

/// Runs `future` as part of `context`.
pub async fn scope<F: Future>(context: RequestContext, future: F) -> F::Output {
    CURRENT.scope(context, future).await
}

/// Request id and `traceparent` as they came.
fn ids(headers: &http::HeaderMap) -> (Option<&str>, Option<&str>) {
    const REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);
    const TRACEPARENT: HeaderName = HeaderName::from_static(TRACEPARENT_HEADER);
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    (text(REQUEST_ID), text(TRACEPARENT))
}

fn new_id() -> String {
    let mut letters = [0; Hyphenated::LENGTH];
    Uuid::now_v7().hyphenated().encode_lower(&mut letters).to_owned()
}

/// A request id is put into headers and logs as it is, so only a plain token is taken from a client.
fn is_sane(id: &str) -> bool {
    (1..=MAX_REQUEST_ID_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_request_id_is_kept_and_another_replaced() {
        assert_eq!(RequestContext::from_parts(Some("abc-1"), None).request_id, "abc-1");
        for bad in ["", "a b", "a\r\nb", &"x".repeat(129)] {
            assert_ne!(RequestContext::from_parts(Some(bad), None).request_id, bad);
        }
    }

    #[test]
    fn a_trace_goes_on_under_a_new_span() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = RequestContext::from_parts(None, Some(text));
        assert_eq!(context.trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(context.trace.to_string(), text);
        assert!(context.trace.is_sampled(), "the caller's decision is obeyed");
        assert_eq!(context.trace.ids().2, 0x00f0_67aa_0ba9_02b7);
    }

    #[test]
    fn a_client_keeps_its_trace_but_cannot_have_it_recorded() {
        let mut headers = http::HeaderMap::new();
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert(TRACEPARENT_HEADER, text.parse().unwrap());
        let context = RequestContext::from_client(&headers);
        assert_eq!(context.trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(!context.trace.is_sampled(), "nothing is exported in this process");
    }

    #[test]
    fn malformed_trace_contexts_are_refused() {
        for bad in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_same_request_id_gives_the_same_correlation_id() {
        let context = RequestContext::from_parts(Some("client-7"), None);
        assert_eq!(context.correlation_id(), context.correlation_id());
    }
}
