//! Compares a reply with what the guide promises.
//!
//! The promise reads as a reply does. An ellipsis stands for what differs each time: `"…"` for any value but null, `"qr_…"` for
//! a text that begins so; as the last element of a list for more elements, as a member's name for more members. Everything
//! else must be there, and nothing besides.

use serde_json::Value;

use super::examples::Promise;

const ANY: &str = "…";

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Reply {
    /// Reads what curl wrote: a head, or several if there were replies before the last one.
    pub(super) fn parse(head: &str, body: &str) -> Self {
        let last = head.trim_end().split("\r\n\r\n").last().unwrap_or_default();
        let mut lines = last.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        };
        Self {
            status: status.and_then(|status| status.parse().ok()).unwrap_or_default(),
            headers: lines.filter_map(header).collect(),
            body: body.to_owned(),
        }
    }
}

/// Everything in which a reply is not as promised.
pub(super) fn differences(promise: &Promise, reply: &Reply) -> Vec<String> {
    let mut found = Vec::new();
    if promise.status != reply.status {
        found.push(format!("the status is {}, not {}", reply.status, promise.status));
    }
    for (name, value) in &promise.headers {
        let sent = reply.headers.iter().find(|(sent, _)| sent == name);
        match sent {
            None => found.push(format!("there is no header {name}")),
            Some((_, sent)) if !text_fits(value, sent) => {
                found.push(format!("the header {name} is `{sent}`, not `{value}`"));
            }
            Some(_) => {}
        }
    }
    match serde_json::from_str::<Value>(&promise.body) {
        Ok(promised) => match serde_json::from_str::<Value>(&reply.body) {
            Ok(sent) => compare("$", &promised, &sent, &mut found),
            Err(error) => found.push(format!("the body is no JSON ({error})")),
        },
        Err(error) if promise.body.starts_with(['{', '[']) => found.push(format!("the promise is no JSON ({error})")),
        Err(_) if !promise.body.is_empty() && !text_fits(&promise.body, reply.body.trim()) => {
            found.push("the body is another text".to_owned());
        }
        Err(_) => {}
    }
    found
}

fn compare(path: &str, promised: &Value, sent: &Value, found: &mut Vec<String>) {
    match (promised, sent) {
        (Value::Object(promised), Value::Object(sent)) => {
            for (name, value) in promised.iter().filter(|(name, _)| *name != ANY) {
                match sent.get(name) {
                    Some(sent) => compare(&format!("{path}.{name}"), value, sent, found),
                    None => found.push(format!("{path} has no {name}")),
                }
            }
            let unknown = sent.keys().filter(|name| !promised.contains_key(*name));
            if !promised.contains_key(ANY) {
                found.extend(unknown.map(|name| format!("{path} has {name} too")));
            }
        }
        (Value::Array(promised), Value::Array(sent)) => {
            let (promised, is_open) = match promised.split_last() {
                Some((Value::String(last), rest)) if last == ANY => (rest, true),
                _ => (promised.as_slice(), false),
            };
            if sent.len() < promised.len() || (sent.len() > promised.len() && !is_open) {
                found.push(format!("{path} has {} elements, not {}", sent.len(), promised.len()));
            }
            for (index, (promised, sent)) in promised.iter().zip(sent).enumerate() {
                compare(&format!("{path}[{index}]"), promised, sent, found);
            }
        }
        (Value::String(any), sent) if any == ANY && !sent.is_null() => {}
        (Value::String(promised), Value::String(sent)) if text_fits(promised, sent) => {}
        (promised, sent) if promised == sent => {}
        (promised, sent) => found.push(format!("{path} is {sent}, not {promised}")),
    }
}

/// Whether a text is as promised, with anything, but not nothing, in the place of each ellipsis.
fn text_fits(promised: &str, sent: &str) -> bool {
    let Some((before, after)) = promised.split_once(ANY) else {
        return promised == sent;
    };
    let Some(rest) = sent.strip_prefix(before) else {
        return false;
    };
    let mut ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.any(|end| text_fits(after, &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(status: u16, headers: &[(&str, &str)], body: &str) -> Promise {
        Promise {
            line: 1,
            status,
            headers: headers
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    fn of_bodies(promised: &str, sent: &str) -> Vec<String> {
        let reply = Reply::parse("HTTP/1.1 200 OK\r\n\r\n", sent);
        differences(&promise(200, &[], promised), &reply)
    }

    #[test]
    fn an_ellipsis_stands_for_what_differs_each_time() {
        let sent = r#"{"id": 7, "token": "qr_abc", "list": [1, 2, 3], "more": null}"#;
        assert!(of_bodies(r#"{"id": "…", "token": "qr_…", "list": [1, "…"], "…": "…"}"#, sent).is_empty());
        assert!(of_bodies(r#"{"id": "…", "token": "qr_…", "list": "…", "more": null}"#, sent).is_empty());
    }

    #[test]
    fn everything_else_is_compared_and_named_by_its_path() {
        let sent = r#"{"a": {"b": [1, 2]}, "c": "text", "n": null}"#;
        for (promised, difference) in [
            (
                r#"{"a": {"b": [1, 3]}, "c": "text", "n": null}"#,
                "$.a.b[1] is 2, not 3",
            ),
            (
                r#"{"a": {"b": [1]}, "c": "text", "n": null}"#,
                "$.a.b has 2 elements, not 1",
            ),
            (
                r#"{"a": "…", "c": "other …", "n": null}"#,
                r#"$.c is "text", not "other …""#,
            ),
            (r#"{"a": "…", "c": "text"}"#, "$ has n too"),
            (r#"{"a": "…", "c": "text", "n": null, "x": 1}"#, "$ has no x"),
            (r#"{"a": "…", "c": "text", "n": "…"}"#, r#"$.n is null, not "…""#),
        ] {
            assert_eq!(of_bodies(promised, sent), [difference]);
        }
    }

    #[test]
    fn status_headers_and_plain_bodies_count() {
        let reply = Reply::parse(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\nETag: \"v1\"\r\n\r\n",
            "event: position\ndata: x\n",
        );
        let good = promise(409, &[("etag", "\"…\"")], "event: position\ndata: …");
        assert_eq!(differences(&good, &reply), Vec::<String>::new());
        let bad = promise(200, &[("etag", "W/…"), ("retry-after", "1")], "event: admitted…");
        assert_eq!(differences(&bad, &reply).len(), 4);
    }
}
