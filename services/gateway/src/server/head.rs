//! Heads of HTTP/1.1 requests, read so that no two servers could see their end, or their body's end, in different places
//! (`design.md` §11). Refused are line ends that are not CR LF, `Content-Length` beside `Transfer-Encoding`, either of them
//! twice, a length that is not plain digits, and a `Transfer-Encoding` that is anything but `chunked`. RFC 9112 allows a server
//! to forgive some of these; a gateway in front of others must not.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use std::mem::MaybeUninit;

/// More fields than this are refused.
pub(super) const MAX_FIELDS: usize = 100;
/// A length of more digits is none that anybody means, whatever zeros it begins with.
const MAX_LENGTH_DIGITS: usize = 18;
/// How clients of HTTP/2 begin.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// A request's head, and what it says about the connection.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) request: Request<()>,
    pub(crate) body: BodyLength,
    /// The client wants to go on with the connection.
    pub(crate) keep_alive: bool,
    /// The client waits for an invitation to send the body.
    pub(crate) expects_invitation: bool,
}

/// Where a request's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// After so many bytes; none for most.
    Known(u64),
    /// Where its chunks say.
    Chunked,
}

/// Why a head is not answered by more than a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHead {
    /// It cannot be read, or can be read in two ways.
    Malformed(&'static str),
    /// It has too many fields, or too many bytes.
    TooLarge,
    /// HTTP/2, which is spoken only where it was agreed on; its clients take no reply of HTTP/1.1.
    Http2,
}

use BadHead::Malformed;

/// Finds where a head ends, however the network cuts it. No byte is looked at twice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadReader {
    /// Where the present line begins.
    line: usize,
    /// What lies before it was looked at.
    seen: usize,
}

impl HeadReader {
    /// Whether a head has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.seen > 0
    }

    /// Takes a head out of what has been read, if all of it is there; the next call is about the next head.
    ///
    /// # Errors
    /// When it never will be one.
    pub(crate) fn read(&mut self, buffer: &mut BytesMut, max_bytes: usize) -> Result<Option<Head>, BadHead> {
        if self.seen == buffer.len() {
            return Ok(None);
        }
        let is_first_look = self.seen == 0;
        let Some(end) = self.find_end(buffer)? else {
            if buffer.len() > max_bytes {
                return Err(BadHead::TooLarge);
            }
            if is_first_look {
                // Who speaks something else need not be waited for.
                check_beginning(buffer)?;
            }
            return Ok(None);
        };
        if end > max_bytes {
            return Err(BadHead::TooLarge);
        }
        *self = Self::default();
        let bytes = if end == buffer.len() {
            std::mem::take(buffer)
        } else {
            buffer.split_to(end)
        };
        parse(&bytes.freeze()).map(Some)
    }

    /// Where the empty line behind the fields ends. Empty lines before the request line are nothing (RFC 9112 §2.2).
    fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, BadHead> {
        let mut has_text = self.line > 0 && !bytes[..self.line].iter().all(u8::is_ascii_whitespace);
        while let Some(found) = memchr::memchr2(b'\r', b'\n', &bytes[self.seen..]) {
            let at = self.seen + found;
            match (bytes[at], bytes.get(at + 1)) {
                (b'\r', Some(b'\n')) => {}
                (b'\r', None) => {
                    self.seen = at;
                    return Ok(None);
                }
                (b'\r', Some(_)) => return Err(Malformed("a bare CR in the head")),
                _ => return Err(Malformed("a bare LF in the head")),
            }
            let is_empty = at == self.line;
            self.line = at + 2;
            self.seen = self.line;
            if is_empty && has_text {
                return Ok(Some(self.line));
            }
            has_text |= !is_empty;
        }
        self.seen = bytes.len();
        Ok(None)
    }
}

/// Whether a head can begin like this.
fn check_beginning(bytes: &[u8]) -> Result<(), BadHead> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let parsed = httparse::Request::new(&mut []).parse_with_uninit_headers(bytes, &mut fields);
    parsed.map(|_| ()).map_err(refused)
}

fn refused(error: httparse::Error) -> BadHead {
    match error {
        httparse::Error::TooManyHeaders => BadHead::TooLarge,
        httparse::Error::Version => Malformed("a version that is not 1.0 or 1.1"),
        httparse::Error::HeaderName => Malformed("a field's name"),
        httparse::Error::HeaderValue => Malformed("a field's value"),
        httparse::Error::NewLine => Malformed("a line's end"),
        httparse::Error::Status | httparse::Error::Token => Malformed("the request line"),
    }
}

/// Reads a whole head. Values share its bytes.
fn parse(bytes: &Bytes) -> Result<Head, BadHead> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut raw = httparse::Request::new(&mut []);
    let parsed = raw.parse_with_uninit_headers(bytes, &mut fields);
    if let Err(error) = parsed {
        return Err(if bytes.starts_with(HTTP2_PREFACE) {
            BadHead::Http2
        } else {
            refused(error)
        });
    }
    let (Ok(httparse::Status::Complete(_)), Some(method), Some(target), Some(minor)) =
        (parsed, raw.method, raw.path, raw.version)
    else {
        return Err(Malformed("a head that does not end"));
    };
    let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut framing = Framing::default();
    let mut headers = HeaderMap::with_capacity(raw.headers.len());
    for field in raw.headers.iter() {
        let name = name(field.name)?;
        framing.look_at(&name, field.value)?;
        let value =
            HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| Malformed("a field's value"))?;
        headers.try_append(name, value).map_err(|_| BadHead::TooLarge)?;
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| Malformed("the method"))?;
    *request.uri_mut() =
        Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes())).map_err(|_| Malformed("the target"))?;
    *request.version_mut() = version;
    *request.headers_mut() = headers;
    framing.complete(request)
}

/// A field's name. Those that nearly every request has need no work.
fn name(text: &str) -> Result<HeaderName, BadHead> {
    Ok(match text {
        "Host" | "host" => header::HOST,
        "Accept" | "accept" => header::ACCEPT,
        "Accept-Encoding" | "accept-encoding" => header::ACCEPT_ENCODING,
        "Accept-Language" | "accept-language" => header::ACCEPT_LANGUAGE,
        "Authorization" | "authorization" => header::AUTHORIZATION,
        "Connection" | "connection" => header::CONNECTION,
        "Content-Length" | "content-length" => header::CONTENT_LENGTH,
        "Content-Type" | "content-type" => header::CONTENT_TYPE,
        "Origin" | "origin" => header::ORIGIN,
        "Referer" | "referer" => header::REFERER,
        "User-Agent" | "user-agent" => header::USER_AGENT,
        _ => HeaderName::from_bytes(text.as_bytes()).map_err(|_| Malformed("a field's name"))?,
    })
}

/// What the fields say about the body and the connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects: bool,
}

impl Framing {
    fn look_at(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), BadHead> {
        if *name == header::CONTENT_LENGTH {
            let length = length(value).ok_or(Malformed("a length that is none"))?;
            let before = self.length.replace(length);
            if before.is_some() || self.chunked {
                return Err(Malformed("two framings"));
            }
        } else if *name == header::TRANSFER_ENCODING {
            let before = std::mem::replace(&mut self.chunked, true);
            if before || self.length.is_some() {
                return Err(Malformed("two framings"));
            }
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed("a coding that is not chunked"));
            }
        } else if *name == header::CONNECTION {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if *name == header::EXPECT {
            self.expects |= value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }

    fn complete(self, request: Request<()>) -> Result<Head, BadHead> {
        let is_old = request.version() == Version::HTTP_10;
        if is_old && self.chunked {
            return Err(Malformed("chunks in HTTP/1.0"));
        }
        let body = if self.chunked {
            BodyLength::Chunked
        } else {
            BodyLength::Known(self.length.unwrap_or_default())
        };
        Ok(Head {
            request,
            body,
            keep_alive: !self.close && (!is_old || self.keep_alive),
            expects_invitation: self.expects && !is_old && body != BodyLength::Known(0),
        })
    }
}

/// What a `Content-Length` says, of requests and of replies: digits, and not more than a length can have. What `parse` takes
/// beside them, others may read differently.
pub(crate) fn length(value: &[u8]) -> Option<u64> {
    let is_length = (1..=MAX_LENGTH_DIGITS).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    is_length.then(|| str::from_utf8(value).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
