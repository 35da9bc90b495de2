//! Named places where a test can end the process, to prove that whatever the process leaves behind is dealt with
//! (design.md §10).
//!
//! A flow marks the places between its steps: `crash::point("payment.confirm.charged")` stands after the charge and before
//! anything is written of it. Only unoptimised builds look; in a release build a point is nothing.
//!
//! The variable `CRASH_FILE` names a file that need not exist. As soon as it contains the name of a point, the first
//! process that reaches this point renames the file (so that it strikes once, also among replicas and after the restart)
//! and aborts: no destructor runs, nothing is flushed, no connection is closed properly, as with SIGKILL.
//!
//! A place that many flows pass, such as the handling of a message, also says for whom it is passed just now
//! ([`point_of`]). Words after the name in the file then choose: all of them must be among what the place says.

/// Ends the process here if a test has asked for it.
#[inline(always)]
pub fn point(name: &'static str) {
    point_of(name, &[]);
}

/// Ends the process here if a test has asked for this place when it is passed for these, e.g. a consumer group and a kind
/// of message.
#[cfg(debug_assertions)]
pub fn point_of(name: &'static str, passed_for: &[&str]) {
    if armed::strikes(name, passed_for) {
        tracing::error!(crash.point = name, "a test ends this process");
        std::process::abort();
    }
}

/// Nothing, in an optimised build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point_of(_name: &'static str, _passed_for: &[&str]) {}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        fs,
        path::{Path, PathBuf},
        sync::OnceLock,
    };

    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();

    pub(super) fn strikes(name: &str, passed_for: &[&str]) -> bool {
        let file = FILE.get_or_init(|| std::env::var_os("CRASH_FILE").map(PathBuf::from));
        file.as_deref().is_some_and(|file| claim(file, name, passed_for))
    }

    /// Whether the file asks for this point, and this process is the first to see it.
    fn claim(file: &Path, name: &str, passed_for: &[&str]) -> bool {
        let asked = fs::read_to_string(file).is_ok_and(|wanted| {
            let mut words = wanted.split_whitespace();
            words.next() == Some(name) && words.all(|word| passed_for.contains(&word))
        });
        asked && fs::rename(file, file.with_extension("struck")).is_ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_strikes_once_and_only_when_named() {
            let folder = std::env::temp_dir().join(format!("crash-{}", uuid::Uuid::now_v7()));
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join("point");
            assert!(!claim(&file, "a.b", &[]), "no file");
            fs::write(&file, "a.b\n").unwrap();
            assert!(!claim(&file, "a", &[]), "another point");
            assert!(claim(&file, "a.b", &[]));
            assert!(!claim(&file, "a.b", &[]), "a second time");
            fs::write(&file, "a.b group Kind").unwrap();
            assert!(!claim(&file, "a.b", &["group", "Other"]), "for another");
            assert!(claim(&file, "a.b", &["Kind", "group", "more"]));
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
