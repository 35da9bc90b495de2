//! Paths: what passes is in its one spelling, and does not lead inside.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/steps/spelling.rs"]
mod spelling;

fuzz_target!(|path: &str| {
    let Ok(normal) = spelling::normalise(path) else { return };
    assert!(normal.starts_with('/') && !normal.contains("//"), "{normal}");
    assert!(
        normal.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'),
        "{normal:?}"
    );
    assert!(
        normal.split('/').all(|segment| segment != "." && segment != ".."),
        "{normal}"
    );
    let lower = normal.to_ascii_lowercase();
    for encoded in ["%2e", "%2f", "%5c", "%25", "%00", "%0a", "%0d"] {
        assert!(!lower.contains(encoded), "{normal}");
    }
    assert_ne!(lower.split(['/', ';']).nth(1), Some("internal"), "{normal}");
    assert_eq!(
        spelling::normalise(&normal).as_deref(),
        Ok(&*normal),
        "it has two spellings"
    );
});
