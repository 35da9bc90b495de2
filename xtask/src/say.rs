//! Printing to people.

/// `println!` that does not panic when nobody listens any more, as in `cargo xtask status | head -1`.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
