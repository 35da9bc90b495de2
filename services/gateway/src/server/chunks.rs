//! Chunked bodies (RFC 9112 §7.1), read by the letter: sizes are hexadecimal digits and nothing else, lines end by CR LF.
//! Extensions and trailers are read over: extensions mean nothing to anybody, and trailers could carry an identity past the
//! stripping of headers.

/// So many bytes of extensions and trailers are read over; more of them are an attack.
const MAX_ASIDE: usize = 16 * 1024;
/// Digits of a size, with the zeros it begins with.
const MAX_DIGITS: u32 = 16;

/// The body breaks the coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// How far a chunked body has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    place: Place,
    /// Bytes of extensions and trailers so far.
    aside: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Size {
        value: u64,
        digits: u32,
    },
    Extension {
        size: u64,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// At the beginning of a line behind the last chunk.
    Trailer,
    TrailerLine,
    TrailerEnd,
    LastLf,
    Done,
}

const SIZE: Place = Place::Size { value: 0, digits: 0 };

impl Chunks {
    /// Before the first chunk.
    pub(crate) fn new() -> Self {
        Self { place: SIZE, aside: 0 }
    }

    /// Whether the body has come to its end.
    pub(crate) fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// How many bytes come next that are the body's own.
    pub(crate) fn data_left(&self) -> u64 {
        match self.place {
            Place::Data { left } => left,
            _ => 0,
        }
    }

    /// So many of them were taken.
    pub(crate) fn took(&mut self, bytes: u64) {
        if let Place::Data { left } = &mut self.place {
            *left = left.saturating_sub(bytes);
            if *left == 0 {
                self.place = Place::DataCr;
            }
        }
    }

    /// Reads over what stands between the body's own bytes; tells how long that was. It may end with the input.
    ///
    /// # Errors
    /// When it breaks the coding.
    pub(crate) fn read_over(&mut self, input: &[u8]) -> Result<usize, Broken> {
        for (at, &byte) in input.iter().enumerate() {
            if matches!(self.place, Place::Data { .. } | Place::Done) {
                return Ok(at);
            }
            self.place = self.after(byte)?;
        }
        Ok(input.len())
    }

    fn after(&mut self, byte: u8) -> Result<Place, Broken> {
        Ok(match (self.place, byte) {
            (Place::Size { value, digits }, _) if byte.is_ascii_hexdigit() && digits < MAX_DIGITS => Place::Size {
                value: value << 4 | u64::from(char::from(byte).to_digit(16).ok_or(Broken)?),
                digits: digits + 1,
            },
            (Place::Size { value, digits: 1.. }, b'\r') => Place::SizeEnd { size: value },
            (Place::Size { value, digits: 1.. }, b';') => Place::Extension { size: value },
            (Place::Extension { size }, b'\r') => Place::SizeEnd { size },
            (place @ (Place::Extension { .. } | Place::TrailerLine), _) if is_text(byte) => self.aside(place)?,
            (Place::SizeEnd { size: 0 }, b'\n') => Place::Trailer,
            (Place::SizeEnd { size }, b'\n') => Place::Data { left: size },
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => SIZE,
            (Place::Trailer, b'\r') => Place::LastLf,
            (Place::Trailer, _) if is_text(byte) => self.aside(Place::TrailerLine)?,
            (Place::TrailerLine, b'\r') => Place::TrailerEnd,
            (Place::TrailerEnd, b'\n') => Place::Trailer,
            (Place::LastLf, b'\n') => Place::Done,
            _ => return Err(Broken),
        })
    }

    fn aside(&mut self, next: Place) -> Result<Place, Broken> {
        self.aside += 1;
        if self.aside > MAX_ASIDE { Err(Broken) } else { Ok(next) }
    }
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body, and what stands behind it; `None` while it has not ended.
    type Read = Result<Option<(Vec<u8>, Vec<u8>)>, Broken>;

    fn read(text: &[u8], step: usize) -> Read {
        let (mut chunks, mut body, mut rest) = (Chunks::new(), Vec::new(), Vec::new());
        for piece in text.chunks(step) {
            rest.extend_from_slice(piece);
            while !rest.is_empty() && !chunks.is_done() {
                let over = chunks.read_over(&rest)?;
                rest.drain(..over);
                let here = usize::try_from(chunks.data_left())
                    .unwrap_or(usize::MAX)
                    .min(rest.len());
                body.extend(rest.drain(..here));
                chunks.took(here as u64);
            }
        }
        Ok(chunks.is_done().then_some((body, rest)))
    }

    fn both(text: &str) -> Read {
        let whole = read(text.as_bytes(), usize::MAX);
        assert_eq!(whole, read(text.as_bytes(), 1), "{text:?}");
        whole
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_cut_in_chunks_comes_out_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8), step in 1_usize..50) {
            let mut text = Vec::new();
            for part in &parts {
                text.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                text.extend_from_slice(part);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\nrest");
            prop_assert_eq!(read(&text, step), Ok(Some((parts.concat(), b"rest".to_vec()))));
        }

        #[test]
        fn any_bytes_are_read_alike_however_they_are_cut(text in "[0-9a-f;\r\n X:]{0,60}", step in 1_usize..9) {
            prop_assert_eq!(read(text.as_bytes(), step), read(text.as_bytes(), usize::MAX));
        }
    }

    #[test]
    fn extensions_and_trailers_are_read_over() {
        for text in [
            "5\r\nhello\r\n0\r\n\r\n",
            "0005\r\nhello\r\n000\r\n\r\n",
            "5;name=value;\"x\"\r\nhello\r\n0;last\r\nX-User-Id: 1\r\nX: y\r\n\r\n",
        ] {
            assert_eq!(both(text), Ok(Some((b"hello".to_vec(), Vec::new()))), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_by_the_letter_is_broken() {
        for text in [
            "\r\nhello\r\n",
            "z\r\n",
            "0x5\r\n",
            "+5\r\n",
            "-5\r\n",
            "10000000000000005\r\n",
            " 5\r\n",
            "5 \r\n",
            "0 5\r\n",
            "5\n",
            "5\rh",
            "5;a\nb\r\n",
            "2\r\nhello\r\n",
            "5\r\nhello\n",
            "0\r\nX: 1\n",
            "0\r\n\n",
            "0\r\nX: \0\r\n",
        ] {
            assert_eq!(both(text), Err(Broken), "{text:?}");
        }
        assert_eq!(both(&format!("5;{}", "x".repeat(20_000))), Err(Broken));
        assert_eq!(both(&format!("0\r\n{}", "X-T: 1\r\n".repeat(5000))), Err(Broken));
    }
}
