//! Heads: what passes can be read in one way only, however the network cuts it. The first byte says where it is cut.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

#[path = "../../src/server/head.rs"]
#[allow(dead_code, reason = "the gateway uses all of it")]
mod head;

use head::{BadHead, BodyLength, Head, HeadReader};

const MAX: usize = 4096;

/// The first head and what is left behind it.
fn read(pieces: &[&[u8]]) -> Result<Option<(Head, BytesMut)>, BadHead> {
    let (mut reader, mut buffer) = (HeadReader::default(), BytesMut::new());
    let mut rest = pieces.iter();
    while let Some(piece) = rest.next() {
        buffer.extend_from_slice(piece);
        if let Some(head) = reader.read(&mut buffer, MAX)? {
            rest.for_each(|piece| buffer.extend_from_slice(piece));
            return Ok(Some((head, buffer)));
        }
    }
    Ok(None)
}

fuzz_target!(|input: &[u8]| {
    let Some((step, text)) = input.split_first() else {
        return;
    };
    let whole = read(&[text]);
    let pieces: Vec<&[u8]> = text.chunks(usize::from(*step).max(1)).collect();
    let cut = read(&pieces);
    match (&whole, &cut) {
        (Ok(Some((one, behind_one))), Ok(Some((other, behind_other)))) => {
            assert_eq!(format!("{one:?}"), format!("{other:?}"));
            assert_eq!(behind_one, behind_other);
        }
        (Ok(Some(_)), _) | (_, Ok(Some(_))) => panic!("it depends on the network: {whole:?} and {cut:?}"),
        _ => {}
    }
    let Ok(Some((head, behind))) = whole else { return };
    let text = &text[..text.len() - behind.len()];
    assert!(text.len() <= MAX && text.ends_with(b"\r\n\r\n"));
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "{text:?}");
    let lines: Vec<&str> = text
        .trim_start_matches("\r\n")
        .trim_end_matches("\r\n")
        .split("\r\n")
        .skip(1)
        .collect();
    assert_eq!(lines.len(), head.request.headers().len(), "{text:?}");
    let framing: Vec<(&str, &str)> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| matches!(*name, "content-length" | "transfer-encoding"))
        .map(|(name, value)| (name, value.trim_matches([' ', '\t'])))
        .collect();
    match (head.body, framing.as_slice()) {
        (BodyLength::Known(0), []) | (BodyLength::Chunked, [("transfer-encoding", "chunked")]) => {}
        (BodyLength::Known(length), [("content-length", said)]) => assert_eq!(said.parse(), Ok(length), "{text:?}"),
        _ => panic!("{text:?}"),
    }
});
