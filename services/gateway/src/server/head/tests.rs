use super::*;
use proptest::prelude::*;

const MAX: usize = 1024;

/// What came of a stream of bytes: the heads, as far as they were good, and how it went on.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    heads: Vec<(String, BodyLength)>,
    bad: Option<BadHead>,
}

/// Reads heads behind each other, cut like this, skipping bodies of a known length as a connection does.
fn read(text: &[u8], cuts: &[usize]) -> Outcome {
    let (mut reader, mut buffer, mut heads, mut skip) = (HeadReader::default(), BytesMut::new(), Vec::new(), 0_usize);
    let (mut at, mut cuts) = (0, cuts.iter().cycle());
    while at < text.len() {
        let next = text.len().min(at + cuts.next().unwrap());
        buffer.extend_from_slice(&text[at..next]);
        at = next;
        loop {
            let skipped = skip.min(buffer.len());
            drop(buffer.split_to(skipped));
            skip -= skipped;
            match reader.read(&mut buffer, MAX) {
                Ok(None) => break,
                Ok(Some(head)) => {
                    heads.push((head.request.uri().to_string(), head.body));
                    match head.body {
                        BodyLength::Known(length) => skip = length.try_into().unwrap(),
                        BodyLength::Chunked => return Outcome { heads, bad: None },
                    }
                }
                Err(bad) => return Outcome { heads, bad: Some(bad) },
            }
        }
    }
    Outcome { heads, bad: None }
}

fn whole(text: &str) -> Outcome {
    let whole = read(text.as_bytes(), &[usize::MAX / 2]);
    let single = read(text.as_bytes(), &[1]);
    assert_eq!(whole.heads, single.heads, "{text:?}");
    whole
}

/// Requests, whole, broken, and with each other's parts.
fn hostile_stream() -> impl Strategy<Value = String> {
    static PARTS: &[&str] = &[
        "GET / HTTP/1.1\r\n",
        "POST /x HTTP/1.1\r\n",
        "Host: x\r\n",
        "Content-Length: 5\r\n",
        "content-length: 0\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5, 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding: gzip\r\n",
        "X-A: Content-Length: 5\r\n",
        " folded\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "hello",
        "5\r\nhello\r\n0\r\n\r\n",
        ":",
    ];
    prop::collection::vec(prop::sample::select(PARTS), 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_the_network_cuts_the_bytes_does_not_matter(text in hostile_stream(), cuts in prop::collection::vec(1_usize..9, 1..40)) {
        let (whole, cut) = (read(text.as_bytes(), &[usize::MAX / 2]), read(text.as_bytes(), &cuts));
        // What is no beginning of a head is noticed at once, or with its end.
        prop_assert_eq!(whole.heads, cut.heads);
        prop_assert!(whole.bad.is_some() || cut.bad.is_none());
    }

    #[test]
    fn a_head_that_passes_frames_its_body_in_one_way(text in hostile_stream()) {
        let mut buffer = BytesMut::from(text.as_bytes());
        if let Ok(Some(_)) = HeadReader::default().read(&mut buffer, MAX) {
            let head = text[..text.len() - buffer.len()].trim_start_matches("\r\n").to_ascii_lowercase();
            let framing = head
                .split("\r\n")
                .filter(|line| line.starts_with("content-length:") || line.starts_with("transfer-encoding:"))
                .count();
            prop_assert!(framing <= 1, "{:?}", head);
            prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{:?}", head);
        }
    }
}

#[test]
fn what_is_clear_passes() {
    for (text, heads) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1),
        (
            "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            2,
        ),
        ("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 2),
        (
            "POST / HTTP/1.1\r\nCONTENT-length:\t4 \r\n\r\na\nb\rGET / HTTP/1.1\r\n\r\n",
            2,
        ),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\n\n", 1),
        ("POST / HTTP/1.1\r\nTRANSFER-encoding:\t CHUNKED \r\n\r\n0\r\n\r\n", 1),
        (
            "GET / HTTP/1.1\r\nX-Content-Length: 5\r\nX: Content-Length: 6\r\n\r\n",
            1,
        ),
    ] {
        let outcome = whole(text);
        assert_eq!((outcome.heads.len(), outcome.bad), (heads, None), "{text:?}");
    }
}

#[test]
fn what_two_servers_might_read_differently_is_found() {
    for text in [
        "GET / HTTP/1.1\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\n",
        "GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0000000000000000002\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 000000000000000000000000000000000000000000000000000000005\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nokGET / HTTP/1.1\n\r\n",
    ] {
        assert!(whole(text).bad.is_some(), "{text:?}");
    }
}

#[test]
fn what_is_too_large_is_found_before_its_end() {
    for text in [
        format!("GET /{}", "x".repeat(MAX)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: 1\r\n".repeat(101)),
        format!("GET / HTTP/1.1\r\nX-A: {}\r\n\r\n", "x".repeat(MAX)),
        "\r\n".repeat(MAX),
    ] {
        assert_eq!(whole(&text).bad, Some(BadHead::TooLarge), "{text:?}");
    }
}

#[test]
fn the_connection_is_kept_as_the_client_says() {
    for (lines, kept) in [
        ("HTTP/1.1\r\n", true),
        ("HTTP/1.1\r\nConnection: upgrade, Close\r\n", false),
        ("HTTP/1.1\r\nConnection: keep-alive\r\nConnection: close\r\n", false),
        ("HTTP/1.0\r\n", false),
        ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
    ] {
        let mut buffer = BytesMut::from(format!("GET / {lines}\r\n").as_bytes());
        let head = HeadReader::default().read(&mut buffer, MAX).unwrap().unwrap();
        assert_eq!(head.keep_alive, kept, "{lines:?}");
    }
}
