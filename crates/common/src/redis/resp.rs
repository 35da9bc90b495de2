//! Redis' protocol (RESP2), as far as a [`Line`](super::Line) speaks it: commands are written into a buffer that many share,
//! replies are read where they lie.

use ::redis::{ErrorKind, RedisError, RedisResult, Value, parse_redis_value};

/// Replies of ours are lists of numbers at most.
const MAX_DEPTH: usize = 8;

/// Appends a command. Each argument is given in parts that are written one behind the other.
pub(super) fn write_command(to: &mut Vec<u8>, arguments: &[&[&[u8]]]) {
    write_length(to, b'*', arguments.len());
    for parts in arguments {
        write_length(to, b'$', parts.iter().map(|part| part.len()).sum());
        for part in *parts {
            to.extend_from_slice(part);
        }
        to.extend_from_slice(b"\r\n");
    }
}

fn write_length(to: &mut Vec<u8>, kind: u8, length: usize) {
    // Most are of two digits at most.
    match u8::try_from(length) {
        Ok(length @ 0..=9) => to.extend_from_slice(&[kind, b'0' + length, b'\r', b'\n']),
        Ok(length @ 10..=99) => to.extend_from_slice(&[kind, b'0' + length / 10, b'0' + length % 10, b'\r', b'\n']),
        _ => {
            to.push(kind);
            to.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            to.extend_from_slice(b"\r\n");
        }
    }
}

/// The first reply in `bytes` and how long it is, once all of it is there.
///
/// # Errors
/// When it is none.
pub(super) fn read_reply(bytes: &[u8]) -> RedisResult<Option<(Value, usize)>> {
    read(bytes, 0, 0)
}

/// Reads the reply at `at`, and returns where it ends.
fn read(bytes: &[u8], at: usize, depth: usize) -> RedisResult<Option<(Value, usize)>> {
    let Some((line, after)) = line(bytes, at) else {
        return Ok(None);
    };
    let (kind, text) = line.split_first().ok_or_else(unreadable)?;
    match kind {
        b':' => Ok(Some((Value::Int(number(text)?), after))),
        b'$' => {
            let Ok(length) = usize::try_from(number(text)?) else {
                return Ok(Some((Value::Nil, after)));
            };
            let end = after.checked_add(length).ok_or_else(unreadable)?;
            match bytes.get(after..end).zip(bytes.get(end..end + 2)) {
                None => Ok(None),
                Some((text, b"\r\n")) => Ok(Some((Value::BulkString(text.to_vec()), end + 2))),
                Some(_) => Err(unreadable()),
            }
        }
        b'*' if depth < MAX_DEPTH => {
            let Ok(length) = usize::try_from(number(text)?) else {
                return Ok(Some((Value::Nil, after)));
            };
            // Each takes a few bytes, so a length beyond what is there can wait.
            let mut values = Vec::with_capacity(length.min(bytes.len() - after));
            let mut next = after;
            for _ in 0..length {
                let Some((value, end)) = read(bytes, next, depth + 1)? else {
                    return Ok(None);
                };
                values.push(value);
                next = end;
            }
            Ok(Some((Value::Array(values), next)))
        }
        b'+' | b'-' => Ok(Some((parse_redis_value(&bytes[at..after])?, after))),
        _ => Err(unreadable()),
    }
}

/// The line at `at` without its end, and where the next begins. No line has a line feed but at its end.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), at + end + 1))
}

fn number(text: &[u8]) -> RedisResult<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let mut number = 0_i64;
    for digit in digits {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        let more = number
            .checked_mul(10)
            .and_then(|number| number.checked_add(sign * digit));
        number = more.filter(|_| digit < 10).ok_or_else(unreadable)?;
    }
    if digits.is_empty() {
        Err(unreadable())
    } else {
        Ok(number)
    }
}

fn unreadable() -> RedisError {
    RedisError::from((ErrorKind::Parse, "the reply of Redis cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::redis::ServerErrorKind;

    #[test]
    fn a_command_is_written_as_redis_reads_it() {
        let mut bytes = Vec::new();
        write_command(&mut bytes, &[&[b"GET"], &[b"queue:", b"token"]]);
        write_command(&mut bytes, &[&[b"PING"]]);
        write_command(&mut bytes, &[&[&[b'x'; 100]]]);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            format!(
                "*2\r\n$3\r\nGET\r\n$11\r\nqueue:token\r\n*1\r\n$4\r\nPING\r\n*1\r\n$100\r\n{}\r\n",
                "x".repeat(100)
            )
        );
    }

    #[test]
    fn replies_are_those_of_the_library_and_wait_until_they_are_whole() {
        for text in [
            ":1\r\n",
            ":-7\r\n",
            ":-9223372036854775808\r\n",
            "$5\r\nhello\r\n",
            "$0\r\n\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "*0\r\n",
            "+OK\r\n",
            "*4\r\n:1\r\n:29\r\n$2\r\n\r\n\r\n*1\r\n:3\r\n",
        ] {
            let bytes = text.as_bytes();
            let expected = parse_redis_value(bytes).unwrap();
            for end in 0..bytes.len() {
                assert_eq!(read_reply(&bytes[..end]).unwrap(), None, "{text:?} up to {end}");
            }
            let more = [bytes, b":9\r\n"].concat();
            assert_eq!(read_reply(&more).unwrap(), Some((expected, bytes.len())), "{text:?}");
        }
    }

    #[test]
    fn an_error_keeps_its_kind() {
        let (value, _) = read_reply(b"-NOSCRIPT No matching script.\r\n").unwrap().unwrap();
        let error = value.extract_error().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(ServerErrorKind::NoScript));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let deep = "*1\r\n".repeat(100);
        for text in [
            "hello\r\n",
            ":x\r\n",
            ":-\r\n",
            ":9223372036854775808\r\n",
            "$2\r\nabc\r\n",
            "\r\n",
            &deep,
        ] {
            assert!(read_reply(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
