//! What the gateway itself says in the head of every reply: security, CORS, limits, the request's id. It is written once, as it
//! travels, because a map of a dozen fields for each reply costs as much as reading the whole request.

use crate::body::ReplyBody;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

/// As much as is said to most.
const USUAL_BYTES: usize = 1024;

/// Fields as HTTP/1.1 writes them, each with its end of line.
#[derive(Debug)]
pub(crate) struct ReplyFields(Vec<u8>);

/// A reply, and what the gateway says besides.
pub(crate) struct Reply {
    pub(crate) reply: Response<ReplyBody>,
    pub(crate) fields: ReplyFields,
}

impl ReplyFields {
    /// Begins with fields that are always the same, complete with their ends of lines.
    pub(crate) fn begin(lines: &'static str) -> Self {
        let mut text = Vec::with_capacity(USUAL_BYTES);
        text.extend_from_slice(lines.as_bytes());
        Self(text)
    }

    /// Adds such fields.
    pub(crate) fn add_lines(&mut self, lines: &'static str) {
        self.0.extend_from_slice(lines.as_bytes());
    }

    /// Adds a field whose value comes in parts; none of them has an end of line in it.
    pub(crate) fn add(&mut self, name: &'static str, parts: &[&[u8]]) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        for part in parts {
            debug_assert!(!part.iter().any(u8::is_ascii_control), "{name}: {part:?}");
            self.0.extend_from_slice(part);
        }
        self.0.extend_from_slice(b"\r\n");
    }

    /// All of them.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn each(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.0.split(|byte| *byte == b'\n').filter_map(|line| {
            let line = line.strip_suffix(b"\r")?;
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
            Some((name, value))
        })
    }
}

impl Reply {
    /// With its fields among the others, for HTTP/2, which writes them in its own way.
    pub(crate) fn with_fields(mut self) -> Response<ReplyBody> {
        let headers: &mut HeaderMap = self.reply.headers_mut();
        for (name, value) in self.fields.each() {
            headers.append(name, value);
        }
        self.reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_for_one_version_is_read_for_the_other() {
        let mut fields = ReplyFields::begin("x-frame-options: DENY\r\n");
        fields.add("ratelimit", &[b"\"login\";r=", b"7"]);
        fields.add_lines("vary: Origin\r\n");
        assert_eq!(
            fields.as_bytes(),
            b"x-frame-options: DENY\r\nratelimit: \"login\";r=7\r\nvary: Origin\r\n"
        );
        let mut reply = Response::new(ReplyBody::empty());
        reply
            .headers_mut()
            .insert("vary", HeaderValue::from_static("accept-encoding"));
        let reply = Reply { reply, fields }.with_fields();
        let got: Vec<_> = reply
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        assert_eq!(
            got,
            [
                ("vary", &HeaderValue::from_static("accept-encoding")),
                ("vary", &HeaderValue::from_static("Origin")),
                ("x-frame-options", &HeaderValue::from_static("DENY")),
                ("ratelimit", &HeaderValue::from_static("\"login\";r=7")),
            ]
        );
    }
}
