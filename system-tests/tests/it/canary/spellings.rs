//! In which spellings a secret may stand somewhere, and the search for all of them at once.

use super::places::Kind;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use std::{collections::BTreeSet, fmt::Write};

/// Something that must not stand anywhere, except in places of one kind.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    /// As the test's failure calls it.
    pub(super) what: String,
    pub(super) text: String,
    /// A plain digest of it gives it away as well: there are few enough of its kind to try them all.
    pub(super) guessable: bool,
    /// Where it may stand.
    pub(super) allowed: Option<Kind>,
}

/// Finds all secrets in all spellings.
pub(super) struct Search {
    automaton: AhoCorasick,
    /// The secret behind each pattern.
    owners: Vec<usize>,
    secrets: Vec<Secret>,
}

impl Search {
    pub(super) fn for_all(secrets: Vec<Secret>) -> Self {
        let (mut patterns, mut owners) = (Vec::new(), Vec::new());
        for (index, secret) in secrets.iter().enumerate() {
            let mut all = spellings(&secret.text);
            if secret.guessable {
                all.insert(common::crypto::sha256_hex(secret.text.as_bytes()));
                all.extend(base64s(&common::crypto::sha256(secret.text.as_bytes())));
            }
            for spelling in all {
                patterns.push(spelling);
                owners.push(index);
            }
        }
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .build(&patterns)
            .unwrap();
        Self {
            automaton,
            owners,
            secrets,
        }
    }

    /// What stands in a text from a place of that kind.
    pub(super) fn hits(&self, text: &str, kind: Kind) -> BTreeSet<&str> {
        let found = self.automaton.find_overlapping_iter(text);
        found
            .map(|hit| &self.secrets[self.owners[hit.pattern().as_usize()]])
            .filter(|secret| secret.allowed != Some(kind))
            .map(|secret| secret.what.as_str())
            .collect()
    }
}

/// As it is, and as URLs, JSON, Rust's debug output, dumps of bytes and base64 have it.
fn spellings(text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([
        text.to_owned(),
        percent(text),
        percent(text).replace("%20", "+"),
        hex::encode(text),
        text.bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        text.bytes()
            .map(|byte| format!("{byte}, "))
            .collect::<String>()
            .trim_end_matches(", ")
            .to_owned(),
        unicode_escapes(text),
        text.escape_unicode().to_string(),
    ]);
    all.extend(base64s(text.as_bytes()));
    all
}

pub(super) fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

pub(super) fn base64(text: &str) -> String {
    BASE64_STANDARD_NO_PAD.encode(text)
}

/// JSON with nothing but ASCII.
fn unicode_escapes(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").unwrap();
            }
        }
    }
    out
}

/// The base64 of any longer text with these bytes inside: it depends on where they begin, and its first and last characters
/// on what is around them.
fn base64s(bytes: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        let encoded = BASE64_STANDARD_NO_PAD.encode(&padded);
        // Each character holds six bits: those that are not wholly ours are cut off.
        let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        let inner = encoded[first..last].to_owned();
        all.push(inner.replace('+', "-").replace('/', "_"));
        all.push(inner);
    }
    all
}

#[test]
fn every_spelling_is_found_and_nothing_else() {
    let secret = |text: &str, guessable| Secret {
        what: text.to_owned(),
        text: text.to_owned(),
        guessable,
        allowed: None,
    };
    let (name, email) = ("둘리 canary", "zz.canary+1@example.com");
    let search = Search::for_all(vec![secret(name, false), secret(email, true)]);
    let found = |text: &str| {
        search
            .hits(text, Kind::Log)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for (text, what) in [
        ("user=ZZ.Canary+1@example.com".to_owned(), email),
        ("?email=zz.canary%2B1%40example.com&x".to_owned(), email),
        (hex::encode(format!("x{email}y")), email),
        (format!("{:?}", name.as_bytes()), name),
        (base64(&format!("x{email}y")), email),
        (base64(&format!("{{\"name\":\"{name}\"}}")), name),
        ("\"\\ub458\\ub9ac canary\"".to_owned(), name),
        ("name=%EB%91%98%EB%A6%AC+canary".to_owned(), name),
        (common::crypto::sha256_hex(email.as_bytes()), email),
    ] {
        assert_eq!(found(&text), [what], "{text}");
    }
    assert_eq!(found("둘리canary zz.canary+2@example.com"), Vec::<String>::new());
    assert_eq!(
        found(&common::crypto::sha256_hex(name.as_bytes())),
        Vec::<String>::new()
    );
}
