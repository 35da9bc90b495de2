/// So much of each line is kept: enough for every field looked at here.
const KEPT: usize = 64;

/// Reads along with hyper and finds the heads whose end, or whose body's end, two servers might see in different places
/// (design.md §11): line breaks that are not CR LF, `Content-Length` beside `Transfer-Encoding`, either of them twice, and a
/// `Transfer-Encoding` that is anything but `chunked`.
/// hyper forgives some of these, as RFC 9112 allows it to; a gateway in front of others must not.
///
/// Pipelined requests are followed over bodies of a known length. Behind a chunked body nothing is seen, so its connection
/// is to be closed after the reply.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    /// The beginning of the present line.
    line: Vec<u8>,
    after_cr: bool,
    /// Whether the request line has been read.
    begun: bool,
    length: Option<u64>,
    chunked: bool,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Head,
    /// So many bytes are left of it.
    Body(u64),
    /// Behind the head of a chunked request.
    Unseen,
}

/// The head can be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ambiguous;

impl Framing {
    /// Whether more of a request's body may come.
    pub(super) fn is_within_body(&self) -> bool {
        !matches!(self.place, Place::Head)
    }

    /// Looks at what came next.
    ///
    /// # Errors
    /// The index of the byte at which a head became ambiguous.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match &mut self.place {
                Place::Unseen => return Ok(()),
                Place::Body(left) => {
                    let rest = bytes.len() - at;
                    let here = usize::try_from(*left).unwrap_or(rest).min(rest);
                    *left -= here as u64;
                    if *left == 0 {
                        self.place = Place::Head;
                    }
                    at += here;
                }
                Place::Head => {
                    self.head(byte).map_err(|Ambiguous| at)?;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    fn head(&mut self, byte: u8) -> Result<(), Ambiguous> {
        match (self.after_cr, byte) {
            (true, b'\n') => {
                self.after_cr = false;
                return self.line_complete();
            }
            (true, _) | (false, b'\n') => return Err(Ambiguous),
            (false, b'\r') => self.after_cr = true,
            (false, _) if self.line.len() < KEPT => self.line.push(byte),
            (false, _) => {}
        }
        Ok(())
    }

    fn line_complete(&mut self) -> Result<(), Ambiguous> {
        if self.line.is_empty() {
            if self.begun {
                self.head_complete();
            }
            return Ok(());
        }
        if self.begun {
            let colon = self
                .line
                .iter()
                .position(|byte| *byte == b':')
                .unwrap_or(self.line.len());
            let (name, value) = self.line.split_at(colon);
            let frames = |field: &[u8]| name.eq_ignore_ascii_case(field);
            if self.line.len() == KEPT && (frames(b"content-length") || frames(b"transfer-encoding")) {
                // Its end may be missing.
                return Err(Ambiguous);
            }
            if frames(b"content-length") {
                let value = std::str::from_utf8(value).map_err(|_| Ambiguous)?;
                let length = length(value.trim_start_matches(':').trim_matches([' ', '\t']))?;
                let before = self.length.replace(length);
                if before.is_some() || self.chunked {
                    return Err(Ambiguous);
                }
            } else if frames(b"transfer-encoding") {
                let before = std::mem::replace(&mut self.chunked, true);
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                if before || self.length.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Ambiguous);
                }
            }
        }
        self.begun = true;
        self.line.clear();
        Ok(())
    }

    fn head_complete(&mut self) {
        self.begun = false;
        self.place = match self.length.take() {
            _ if self.chunked => Place::Unseen,
            Some(length) if length > 0 => Place::Body(length),
            _ => Place::Head,
        };
    }
}

/// Digits, and not more than a length can have.
fn length(text: &str) -> Result<u64, Ambiguous> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Ambiguous);
    }
    // Some count lengths in signed numbers.
    let length = text.parse::<i64>().map_err(|_| Ambiguous)?;
    u64::try_from(length).map_err(|_| Ambiguous)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read whole, and byte by byte: how the network cuts it must not matter.
    fn read(text: &str) -> Result<(), usize> {
        let whole = Framing::default().read(text.as_bytes());
        let mut framing = Framing::default();
        let bytes = text.as_bytes().chunks(1);
        let single = bytes
            .enumerate()
            .try_for_each(|(at, byte)| framing.read(byte).map_err(|_| at));
        assert_eq!(whole, single, "{text:?}");
        whole
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn how_the_network_cuts_the_bytes_does_not_matter(text in hostile_stream(), cuts in proptest::collection::vec(1_usize..9, 1..40)) {
            let bytes = text.as_bytes();
            let whole = Framing::default().read(bytes);
            let (mut framing, mut at, mut cut) = (Framing::default(), 0, Ok(()));
            for length in cuts.iter().cycle() {
                let part = &bytes[at..bytes.len().min(at + length)];
                cut = framing.read(part).map_err(|index| at + index);
                at += part.len();
                if part.is_empty() || cut.is_err() {
                    break;
                }
            }
            proptest::prop_assert_eq!(whole, cut);
        }

        #[test]
        fn a_head_that_passes_frames_its_body_in_one_way(text in hostile_stream()) {
            if Framing::default().read(text.as_bytes()).is_ok() && let Some(end) = text.find("\r\n\r\n") {
                let head = text[..end].trim_start_matches("\r\n").to_ascii_lowercase();
                let fields = head.split("\r\n").skip(1);
                let framing: Vec<&str> = fields
                    .filter(|line| line.starts_with("content-length:") || line.starts_with("transfer-encoding:"))
                    .collect();
                proptest::prop_assert!(framing.len() <= 1, "{:?}", framing);
                proptest::prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{:?}", head);
            }
        }
    }

    /// Requests, whole, broken, and with each other's parts.
    fn hostile_stream() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
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

    #[test]
    fn what_is_clear_passes() {
        for text in [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nCONTENT-length:\t4 \r\n\r\na\nb\rGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\n\n",
            "POST / HTTP/1.1\r\nTRANSFER-encoding:\t CHUNKED \r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Content-Length: 5\r\nX: Content-Length: 6\r\n\r\n",
        ] {
            assert_eq!(read(text), Ok(()), "{text:?}");
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
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 000000000000000000000000000000000000000000000000000000005\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nokGET / HTTP/1.1\n\r\n",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
