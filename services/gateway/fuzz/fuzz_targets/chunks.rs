//! Chunked bodies: they come out alike however the network cuts them, and nothing comes out that did not go in. The first byte
//! says where they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/server/chunks.rs"]
mod chunks;

use chunks::{Broken, Chunks};

/// The body, how many bytes it took, and whether it has ended.
fn read(text: &[u8], step: usize) -> Result<(Vec<u8>, usize, bool), Broken> {
    let (mut chunks, mut body, mut rest, mut taken) = (Chunks::new(), Vec::new(), Vec::new(), 0);
    for piece in text.chunks(step) {
        rest.extend_from_slice(piece);
        while !rest.is_empty() && !chunks.is_done() {
            let over = chunks.read_over(&rest)?;
            let here = usize::try_from(chunks.data_left())
                .unwrap_or(usize::MAX)
                .min(rest.len() - over);
            assert!(over + here > 0, "it does not get on");
            body.extend_from_slice(&rest[over..over + here]);
            rest.drain(..over + here);
            chunks.took(here as u64);
            taken += over + here;
        }
    }
    Ok((body, taken, chunks.is_done()))
}

fuzz_target!(|input: &[u8]| {
    let Some((step, text)) = input.split_first() else {
        return;
    };
    let whole = read(text, usize::MAX);
    assert_eq!(whole, read(text, usize::from(*step).max(1)));
    if let Ok((body, taken, true)) = whole {
        assert_eq!(by_the_letter(&text[..taken]), Some(body));
    }
});

/// The body of a whole text that is nothing but one, as plainly as it can be said.
fn by_the_letter(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(&mut text)?.split(|byte| *byte == b';').next()?;
        if size.is_empty() || !size.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        match usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()? {
            0 => break,
            size => {
                let (data, behind) = text.split_at_checked(size)?;
                body.extend_from_slice(data);
                text = behind.strip_prefix(b"\r\n")?;
            }
        }
    }
    while !line(&mut text)?.is_empty() {}
    text.is_empty().then_some(body)
}

/// The next line, without its end.
fn line<'a>(text: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = text.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, behind) = text.split_at(end);
    *text = &behind[2..];
    Some(line)
}
