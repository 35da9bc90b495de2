use super::{failure::Failure, framing::Framing};
use crate::server::{chunks::Chunks, head::length};
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use httparse::{ParserConfig, Status};
use std::mem::{self, MaybeUninit};

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const MAX_FIELDS: usize = 100;
/// Room for the fields that the gateway adds.
const MORE_FIELDS: usize = 14;
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How many replies that are none yet (1xx) are read past.
const MAX_INTERIM: u8 = 8;

/// Puts a reply's head together from what comes in.
#[derive(Debug)]
pub(super) struct HeadReader {
    /// The beginning of a head.
    begun: Vec<u8>,
    interim: u8,
    /// The request was a HEAD.
    is_head: bool,
}

/// A reply's head, and what came behind it.
#[derive(Debug)]
pub(super) struct ReplyHead {
    pub(super) reply: Response<()>,
    pub(super) framing: Framing,
    /// Whether the service keeps the connection.
    pub(super) keeps: bool,
    pub(super) rest: Bytes,
}

impl HeadReader {
    pub(super) fn new(is_head: bool) -> Self {
        Self {
            begun: Vec::new(),
            interim: 0,
            is_head,
        }
    }

    /// Whether anything has come.
    pub(super) fn has_heard(&self) -> bool {
        !self.begun.is_empty() || self.interim > 0
    }

    /// Takes what has come; `None` until the head is complete.
    ///
    /// # Errors
    /// When it is no reply, or one that can be read in two ways.
    pub(super) fn take(&mut self, arrived: &[u8]) -> Result<Option<ReplyHead>, Failure> {
        let mut bytes = if self.begun.is_empty() {
            Bytes::copy_from_slice(arrived)
        } else {
            // A head that comes byte by byte is not parsed with each of them.
            let looked_at = self.begun.len().saturating_sub(END_OF_HEAD.len() - 1);
            self.begun.extend_from_slice(arrived);
            let ended = self.begun[looked_at..]
                .windows(END_OF_HEAD.len())
                .any(|window| window == END_OF_HEAD);
            if !ended {
                return self.wait();
            }
            mem::take(&mut self.begun).into()
        };
        while !bytes.is_empty() {
            let Some(mut head) = parse(&bytes, self.is_head)? else {
                self.begun = bytes.into();
                return self.wait();
            };
            if !head.reply.status().is_informational() {
                return Ok(Some(head));
            }
            if head.reply.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Err(Failure::reply("another protocol, which nobody asked for"));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(Failure::reply("too many replies before the reply"));
            }
            bytes = mem::take(&mut head.rest);
        }
        Ok(None)
    }

    fn wait(&self) -> Result<Option<ReplyHead>, Failure> {
        if self.begun.len() > MAX_HEAD_BYTES {
            return Err(Failure::reply("its head is too large"));
        }
        Ok(None)
    }
}

fn parse(bytes: &Bytes, is_head: bool) -> Result<Option<ReplyHead>, Failure> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let status = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields);
    let length = match status {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Failure::reply("it has too many fields")),
        Err(_) => return Err(Failure::reply("it is no HTTP")),
    };
    // The parser would take bare line feeds, which others read differently.
    if length > MAX_HEAD_BYTES || !bytes[..length].ends_with(END_OF_HEAD) {
        return Err(Failure::reply("its head does not end as one does"));
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| Failure::reply("its status is none"))?;
    let is_1_1 = parsed.version == Some(1);
    let mut framed = Framed::default();
    let mut headers = HeaderMap::with_capacity(parsed.headers.len() + MORE_FIELDS);
    for field in parsed.headers.iter() {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Failure::reply("a field's name is none"))?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value))
            .map_err(|_| Failure::reply("a field's value is none"))?;
        framed.note(&name, field.value)?;
        headers.append(name, value);
    }
    let framing = framed.framing(is_1_1, is_head || has_no_body(status))?;
    let mut rest = bytes.clone();
    rest.advance(length);
    let mut reply = Response::new(());
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    Ok(Some(ReplyHead {
        reply,
        keeps: is_1_1 && !framed.closes && !matches!(framing, Framing::UntilClose),
        framing,
        rest,
    }))
}

fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// What the fields say of where the reply ends.
#[derive(Default)]
struct Framed {
    length: Option<u64>,
    chunked: bool,
    closes: bool,
}

impl Framed {
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), Failure> {
        if name == header::CONTENT_LENGTH {
            let length = length(value).ok_or_else(|| Failure::reply("its length is none"))?;
            if self.length.replace(length).is_some() {
                return Err(Failure::reply("it has two lengths"));
            }
        } else if name == header::TRANSFER_ENCODING {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Failure::reply("it is coded by more than chunks"));
            }
            self.chunked = true;
        } else if name == header::CONNECTION {
            let mut options = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            self.closes |= options.any(|option| option.eq_ignore_ascii_case(b"close"));
        }
        Ok(())
    }

    fn framing(&self, is_1_1: bool, has_no_body: bool) -> Result<Framing, Failure> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Failure::reply("it has a length and chunks")),
            (true, None) if !is_1_1 => Err(Failure::reply("it has chunks, which HTTP/1.0 has not")),
            _ if has_no_body => Ok(Framing::End),
            (true, None) => Ok(Framing::Chunked(Chunks::new())),
            (false, Some(0)) => Ok(Framing::End),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => Ok(Framing::UntilClose),
        }
    }
}
