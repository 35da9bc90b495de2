//! A gzip file made of pieces that were compressed by themselves, so that a change compresses one piece anew instead of
//! everything. Each piece is a run of whole deflate blocks that ends on a byte; the checksum of all follows from theirs.

use bytes::Bytes;
use flate2::{Compression, Crc, write::DeflateEncoder};
use std::io::Write as _;

/// Magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// A compressed part of the text.
pub(super) struct Piece {
    deflated: Vec<u8>,
    crc: Crc,
}

impl Piece {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(text);
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(text.len() / 8), Compression::default());
        // Writing to memory does not fail; flushing ends the block on a byte without ending the stream.
        let _written = encoder.write_all(text).and_then(|()| encoder.flush());
        Self {
            deflated: encoder.get_ref().clone(),
            crc,
        }
    }
}

/// The gzip file of the pieces' texts one after the other.
pub(super) fn join<'a>(pieces: impl Iterator<Item = &'a Piece> + Clone) -> Bytes {
    let length: usize = pieces.clone().map(|piece| piece.deflated.len()).sum();
    let mut file = Vec::with_capacity(length + HEADER.len() + LAST_BLOCK.len() + 8);
    file.extend_from_slice(&HEADER);
    let mut crc = Crc::new();
    for piece in pieces {
        file.extend_from_slice(&piece.deflated);
        crc.combine(&piece.crc);
    }
    file.extend_from_slice(&LAST_BLOCK);
    file.extend_from_slice(&crc.sum().to_le_bytes());
    file.extend_from_slice(&crc.amount().to_le_bytes());
    file.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read as _;

    #[test]
    fn pieces_are_one_gzip_file_of_their_texts() {
        let texts = [
            "{\"a\":[".to_owned(),
            "{\"seat\":\"A-1\"},".repeat(500),
            String::new(),
            "]}".to_owned(),
        ];
        let pieces: Vec<Piece> = texts.iter().map(|text| Piece::of(text.as_bytes())).collect();
        for count in 0..=pieces.len() {
            let file = join(pieces[..count].iter());
            let mut text = String::new();
            // This reads one member, as clients do, and checks the sum.
            GzDecoder::new(&file[..]).read_to_string(&mut text).unwrap();
            assert_eq!(text, texts[..count].concat());
        }
    }
}
