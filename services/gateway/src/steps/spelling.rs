//! Brings a path to the one spelling that the route table and the services see, so that no two of us can read it in two
//! ways.
//!
//! Repeated slashes and dot segments are resolved, also when encoded, and needlessly encoded letters are decoded. What has no
//! single meaning is refused: an encoded slash or backslash, a backslash, an encoded percent sign (a second decoding would
//! find another path), control characters, broken encodings, what is no UTF-8, and a path that climbs above the root.
//!
//! `/internal` does not exist here, however it is spelled. That is decided first, on the most generous reading that any
//! server might make of the path.

use std::borrow::Cow;

/// Decoding more often than this finds nothing that a real server would.
const MAX_DECODINGS: usize = 4;

/// Why a path goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathRefusal {
    /// It leads to `/internal`: 404.
    Internal,
    /// It has no single meaning: 400.
    Ambiguous,
}

/// The path in its one spelling; borrowed if it was that already, which it nearly always is.
///
/// # Errors
/// [`PathRefusal`].
pub(crate) fn normalise(path: &str) -> Result<Cow<'_, str>, PathRefusal> {
    if is_plain(path) {
        return if is_internal(path.as_bytes()) {
            Err(PathRefusal::Internal)
        } else {
            Ok(Cow::Borrowed(path))
        };
    }
    if could_be_read_as_internal(path) {
        return Err(PathRefusal::Internal);
    }
    // What is no UTF-8 is read in as many ways as there are decoders.
    if std::str::from_utf8(&decode_everything(path.as_bytes())).is_err() {
        return Err(PathRefusal::Ambiguous);
    }
    let decoded = decode_unreserved(path).ok_or(PathRefusal::Ambiguous)?;
    resolve_segments(&decoded).map(Cow::Owned).ok_or(PathRefusal::Ambiguous)
}

/// Whether nothing in the path could need work.
fn is_plain(path: &str) -> bool {
    let mut previous = 0;
    path.starts_with('/')
        && path.bytes().all(|byte| {
            let doubtful = previous == b'/' && matches!(byte, b'/' | b'.');
            previous = byte;
            !doubtful && (is_unreserved(byte) || matches!(byte, b'/' | b':' | b'@' | b',' | b'+' | b'='))
        })
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_internal(path: &[u8]) -> bool {
    let first = path[1..].split(|byte| *byte == b'/').next().unwrap_or_default();
    first.eq_ignore_ascii_case(b"internal")
}

/// Reads the path as generously as any server might: decoded again and again, characters in more bytes than they need,
/// backslashes as slashes, without parameters behind semicolons and without blanks.
fn could_be_read_as_internal(path: &str) -> bool {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..MAX_DECODINGS {
        let decoded = shorten(&decode_everything(&bytes));
        if decoded == bytes {
            break;
        }
        bytes = decoded;
    }
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in bytes.split(|byte| matches!(byte, b'/' | b'\\')) {
        let bare = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        let bare: Vec<u8> = bare
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_control() && *byte != b' ')
            .collect();
        match bare.as_slice() {
            b"" | b"." => {}
            b".." => _ = segments.pop(),
            _ => segments.push(bare),
        }
    }
    segments
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case(b"internal"))
}

fn decode_everything(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, hex_pair(tail)) {
            (b'%', Some(value)) => {
                decoded.push(value);
                rest = &tail[2..];
            }
            _ => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    decoded
}

/// Reads ASCII that was stretched over two or three bytes, which UTF-8 forbids and old decoders take.
fn shorten(bytes: &[u8]) -> Vec<u8> {
    let mut shortened = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let (value, used) = match rest {
            [0xc0 | 0xc1, low @ 0x80..=0xbf, ..] => ((byte & 1) << 6 | (low & 0x3f), 2),
            [0xe0, middle @ (0x80 | 0x81), low @ 0x80..=0xbf, ..] => ((middle & 1) << 6 | (low & 0x3f), 3),
            _ => (byte, 1),
        };
        shortened.push(value);
        rest = tail.get(used - 1..).unwrap_or_default();
    }
    shortened
}

/// Decodes what need not be encoded and leaves the rest in upper case; `None` if the path has no single meaning.
fn decode_unreserved(path: &str) -> Option<String> {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'%' => {
                let value = hex_pair(tail)?;
                rest = &tail[2..];
                match value {
                    _ if is_unreserved(value) => decoded.push(char::from(value)),
                    b'/' | b'\\' | b'%' | 0..=0x1f | 0x7f => return None,
                    _ => {
                        decoded.push('%');
                        decoded.extend(tail[..2].iter().map(|digit| char::from(digit.to_ascii_uppercase())));
                    }
                }
            }
            b'\\' | 0..=b' ' | 0x7f.. => return None,
            _ => decoded.push(char::from(byte)),
        }
    }
    Some(decoded)
}

/// Resolves empty and dot segments; a slash at the end stays. `None` if the path does not begin at the root or climbs
/// above it.
fn resolve_segments(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_open = false;
    for segment in path.strip_prefix('/')?.split('/') {
        ends_open = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop()?,
            _ => segments.push(segment),
        }
    }
    let mut resolved = String::with_capacity(path.len());
    for segment in &segments {
        resolved.push('/');
        resolved.push_str(segment);
    }
    if ends_open {
        resolved.push('/');
    }
    Some(resolved)
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |index: usize| bytes.get(index).and_then(|byte| char::from(*byte).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_taken_as_it_is() {
        for path in [
            "/",
            "/events",
            "/events/0197-ab/seats",
            "/events/",
            "/docs/docs.js",
            "/a.b/c~d_e",
        ] {
            assert!(
                matches!(normalise(path), Ok(Cow::Borrowed(same)) if same == path),
                "{path}"
            );
        }
    }

    #[test]
    fn other_spellings_come_to_the_same() {
        for (path, normal) in [
            ("//events", "/events"),
            ("/events//1///seats", "/events/1/seats"),
            ("/events/./1", "/events/1"),
            ("/events/x/../1", "/events/1"),
            ("/events/%2e/1", "/events/1"),
            ("/auth/%2E%2e/events", "/events"),
            ("/%65vents", "/events"),
            ("/events/a%c3%a9", "/events/a%C3%A9"),
            ("/events/..", "/"),
            ("/events/a%3bb", "/events/a%3Bb"),
        ] {
            assert_eq!(normalise(path).as_deref(), Ok(normal), "{path}");
        }
    }

    #[test]
    fn what_has_no_single_meaning_is_refused() {
        for path in [
            "/events%2f1",
            "/events%2F1",
            "/events%5c1",
            "/events\\1",
            "/events/%",
            "/events/%2",
            "/events/%zz",
            "/events/%00",
            "/events/%0d%0a",
            "/events/%252e",
            "/events/%c0%af",
            "/events/%ff",
            "/events/%c3",
            "/..",
            "/../events",
            "/%2e%2e/events",
            "*",
            "",
            "/caf\u{e9}",
        ] {
            assert_eq!(normalise(path), Err(PathRefusal::Ambiguous), "{path}");
        }
    }

    #[test]
    fn internal_does_not_exist_in_any_spelling() {
        for path in [
            "/internal",
            "/internal/",
            "/internal/events/1",
            "/INTERNAL/events/1",
            "//internal/events/1",
            "/./internal/x",
            "/events/../internal/x",
            "/events/%2e%2e/internal/x",
            "/../internal/x",
            "/%69nternal/x",
            "/%2569nternal/x",
            "/%252569nternal/x",
            "/internal%2fevents",
            "/internal%5cevents",
            "/internal\\events",
            "/\\internal/x",
            "/%2finternal/x",
            "/internal;a=b/x",
            "/events/..;/internal/x",
            "/internal%00/x",
            "/internal%20/x",
            "/%c0%afinternal/x",
            "/events/%c0%ae%c0%ae/%c1%a9nternal/x",
            "/events/%e0%80%ae%e0%80%ae/internal/x",
        ] {
            assert_eq!(normalise(path), Err(PathRefusal::Internal), "{path}");
        }
        assert!(normalise("/events/internal").is_ok(), "only the root's own");
        assert!(normalise("/internals").is_ok());
    }
}
