use crate::body::ReplyBody;
use axum::response::IntoResponse;
use common::{
    context::{self, RequestContext},
    problem::{Code, Problem},
};
use http::{HeaderName, HeaderValue, Response};
use std::fmt::Display;

/// Why a request goes no further: the problem for the client, and the cause for the access log.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Problem,
    cause: Option<String>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// The problem's code.
    pub(crate) fn code(&self) -> Code {
        self.problem.code()
    }

    /// What the log shows and the client must not see.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Says in the log what was behind it.
    pub(crate) fn because(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds a header to the reply.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The reply.
    pub(crate) async fn into_reply(self, request: &RequestContext) -> Response<ReplyBody> {
        // A problem finds the request's id in the task's context, which only refused requests pay for.
        let reply = context::scope(request.clone(), async { self.problem.into_response() }).await;
        let mut reply = reply.map(ReplyBody::from);
        if let Some((name, value)) = self.header {
            reply.headers_mut().insert(name, value);
        }
        reply
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            cause: None,
            header: None,
        }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Problem::new(code).into()
    }
}
