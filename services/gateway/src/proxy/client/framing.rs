use crate::server::chunks::{Broken, Chunks};
use bytes::{Buf, Bytes};

/// How a reply's body ends, and how far it has come.
#[derive(Debug)]
pub(super) enum Framing {
    /// After so many more bytes.
    Length(u64),
    /// As its chunks say.
    Chunked(Chunks),
    /// With its connection.
    UntilClose,
    /// It has.
    End,
}

impl Framing {
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::End)
    }

    /// How much is to come, if that is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::End => Some(0),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// Takes the next part of the body out of what has come.
    ///
    /// # Errors
    /// When what has come is not framed as was said.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Broken> {
        let part = match self {
            Self::Length(left) => {
                let part = part(input, *left);
                *left -= part.len() as u64;
                Some(part)
            }
            Self::Chunked(chunks) => chunk(chunks, input)?,
            Self::UntilClose => Some(std::mem::take(input)),
            Self::End => None,
        };
        let ended = match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_done(),
            Self::UntilClose | Self::End => false,
        };
        if ended {
            *self = Self::End;
        }
        Ok(part.filter(|part| !part.is_empty()))
    }
}

/// The next data of a chunked body.
fn chunk(chunks: &mut Chunks, input: &mut Bytes) -> Result<Option<Bytes>, Broken> {
    let over = chunks.read_over(input)?;
    input.advance(over);
    let data = part(input, chunks.data_left());
    chunks.took(data.len() as u64);
    // So that the end is seen with the last data.
    let over = chunks.read_over(input)?;
    input.advance(over);
    Ok(Some(data))
}

/// At most so much of what has come.
fn part(input: &mut Bytes, length: u64) -> Bytes {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(input.len());
    input.split_to(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body in these bytes, read in one piece and byte by byte, which must be the same; whether it has ended, and how
    /// much is behind it.
    fn read(bytes: &[u8]) -> Result<(String, bool, usize), Broken> {
        let whole = read_pieces(bytes, bytes.len().max(1));
        assert_eq!(whole, read_pieces(bytes, 1), "{}", String::from_utf8_lossy(bytes));
        whole
    }

    fn read_pieces(bytes: &[u8], size: usize) -> Result<(String, bool, usize), Broken> {
        let (mut framing, mut data, mut behind) = (Framing::Chunked(Chunks::new()), Vec::new(), 0);
        for piece in bytes.chunks(size) {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(part) = framing.next(&mut piece)? {
                data.extend_from_slice(&part);
            }
            behind += piece.len();
        }
        Ok((String::from_utf8(data).unwrap(), framing.is_end(), behind))
    }

    fn ended(data: &str) -> Result<(String, bool, usize), Broken> {
        Ok((data.to_owned(), true, 0))
    }

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(read(b"5\r\nhello\r\n0\r\n\r\n"), ended("hello"));
        assert_eq!(read(b"0\r\n\r\n"), ended(""));
        assert_eq!(
            read(b"1\r\na\r\n00A\r\n0123456789\r\n000\r\n\r\n"),
            ended("a0123456789")
        );
        assert_eq!(read(b"2\r\n\r\n\r\n0\r\n\r\n"), ended("\r\n"));
        assert_eq!(
            read(b"2;a=b;c=\"d\"\r\nok\r\n0;x\r\nX-A: 1\r\nX-B: 2\r\n\r\n"),
            ended("ok")
        );
    }

    #[test]
    fn what_is_missing_is_waited_for_and_what_is_behind_is_left() {
        let whole = b"2\r\nok\r\n0\r\nX-A: 1\r\n\r\n";
        for length in 0..whole.len() {
            assert!(matches!(read(&whole[..length]), Ok((_, false, 0))), "{length}");
        }
        assert_eq!(read(b"2\r\nok\r\n0\r\n\r\nHTTP"), Ok(("ok".to_owned(), true, 4)));
    }

    #[test]
    fn what_is_no_chunk_and_too_much_beside_the_data_is_broken() {
        for bad in [
            "2\r\nokay\r\n",
            "2\nok\r\n",
            "10000000000000002\r\nok\r\n0\r\n\r\n",
            "0\r\n\n",
        ] {
            assert_eq!(read(bad.as_bytes()), Err(Broken), "{bad:?}");
        }
        let extended = |length: usize| format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(length));
        assert_eq!(read_pieces(extended(16_000).as_bytes(), 1000), ended("ok"));
        assert_eq!(read_pieces(extended(17_000).as_bytes(), 1000), Err(Broken));
        let trailer = format!("0\r\nX-A: {}\r\n\r\n", "x".repeat(17_000));
        assert_eq!(read_pieces(trailer.as_bytes(), 1000), Err(Broken));
    }

    #[test]
    fn a_length_takes_its_own_and_no_more() {
        let mut framing = Framing::Length(5);
        let mut input = Bytes::from_static(b"hel");
        assert_eq!(framing.next(&mut input), Ok(Some("hel".into())));
        assert_eq!((framing.left(), framing.next(&mut input)), (Some(2), Ok(None)));
        let mut input = Bytes::from_static(b"lo, and more");
        assert_eq!(framing.next(&mut input), Ok(Some("lo".into())));
        assert!(framing.is_end());
        assert_eq!((framing.next(&mut input), input), (Ok(None), ", and more".into()));
    }
}
