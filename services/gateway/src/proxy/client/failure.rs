use crate::body::BodyError;
use std::{fmt, io};

/// Why a call has no reply.
#[derive(Debug)]
pub(in crate::proxy) struct Failure {
    cause: Cause,
    /// Whether a part of a reply had come.
    heard: bool,
}

#[derive(Debug)]
enum Cause {
    Connect(io::Error),
    Send(io::Error),
    Receive(io::Error),
    Closed,
    Body(BodyError),
    Reply(&'static str),
}

impl Failure {
    /// There was no connection to be had.
    pub(in crate::proxy) fn connect(error: io::Error) -> Self {
        Self::before_reply(Cause::Connect(error))
    }

    /// The request could not be sent.
    pub(super) fn send(error: io::Error) -> Self {
        Self::before_reply(Cause::Send(error))
    }

    /// The request's body did not come.
    pub(super) fn body(error: BodyError) -> Self {
        Self::before_reply(Cause::Body(error))
    }

    /// The reply could not be received.
    pub(super) fn receive(error: io::Error, heard: bool) -> Self {
        let cause = Cause::Receive(error);
        Self { cause, heard }
    }

    /// The service closed the connection before the end of a head.
    pub(super) fn closed(heard: bool) -> Self {
        let cause = Cause::Closed;
        Self { cause, heard }
    }

    /// The service says what is no reply, or one that can be read in two ways.
    pub(super) fn reply(what: &'static str) -> Self {
        Self {
            cause: Cause::Reply(what),
            heard: true,
        }
    }

    fn before_reply(cause: Cause) -> Self {
        Self { cause, heard: false }
    }

    /// Whether the connection ended without a byte of a reply, as one does that the service had closed already.
    pub(super) fn is_silence(&self) -> bool {
        !self.heard && matches!(self.cause, Cause::Send(_) | Cause::Receive(_) | Cause::Closed)
    }

    /// Whether there was no connection, so that nothing was sent.
    pub(in crate::proxy) fn is_refusal(&self) -> bool {
        matches!(self.cause, Cause::Connect(_))
    }

    /// Whether another try may go better.
    pub(in crate::proxy) fn may_pass(&self) -> bool {
        self.is_silence() || self.is_refusal()
    }

    /// Whether it is the service that failed, and not the client whose body did not come.
    pub(in crate::proxy) fn is_the_services(&self) -> bool {
        !matches!(self.cause, Cause::Body(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Connect(error) => write!(f, "no connection: {error}"),
            Cause::Send(error) => write!(f, "the request could not be sent: {error}"),
            Cause::Receive(error) => write!(f, "the reply could not be received: {error}"),
            Cause::Closed if self.heard => f.write_str("the connection was closed in the middle of a head"),
            Cause::Closed => f.write_str("the connection was closed without a reply"),
            Cause::Body(error) => write!(f, "the body did not come: {error}"),
            Cause::Reply(what) => write!(f, "the reply cannot be taken: {what}"),
        }
    }
}

impl std::error::Error for Failure {}
