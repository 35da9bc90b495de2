//! Named places where a test can end or hold the process, to prove that whatever the process leaves behind, or finds when it
//! goes on, is dealt with (design.md §10).
//!
//! A flow marks the places between its steps: `crash::point("payment.confirm.charged")` stands after the charge and before
//! anything is written of it. Only unoptimised builds look; in a release build a point is nothing.
//!
//! The variable `CRASH_FILE` names a file that need not exist. As soon as it contains the name of a point, the first
//! process that reaches this point renames the file (so that it strikes once, also among replicas and after the restart)
//! and aborts: no destructor runs, nothing is flushed, no connection is closed properly, as with SIGKILL.
//!
//! Beside it, with the extension `hold`, may be a folder. A file in it that is named like a point holds the first that
//! reaches the point: it is renamed to `<point>.held`, and whoever came waits there until the test removes that. Meanwhile
//! the test can restart what the flow stands on. Several points may hold at once, and the rest of the process goes on.
//!
//! A place that many flows pass, such as the handling of a message, also says for whom it is passed just now
//! ([`point_of`]). Words after the name in the file, or words in a file that holds, then choose: all of them must be among
//! what the place says.

/// Ends or holds the process here if a test has asked for it.
#[inline(always)]
pub fn point(name: &'static str) {
    point_of(name, &[]);
}

/// Ends or holds the process here if a test has asked for this place when it is passed for these, e.g. a consumer group and
/// a kind of message.
#[cfg(debug_assertions)]
pub fn point_of(name: &'static str, passed_for: &[&str]) {
    let Some(file) = armed::file() else { return };
    if armed::strikes(file, name, passed_for) {
        tracing::error!(crash.point = name, "a test ends this process");
        std::process::abort();
    }
    if let Some(held) = armed::holds(file, name, passed_for) {
        tracing::warn!(crash.point = name, "a test holds this process");
        armed::wait_while_there(&held);
        tracing::warn!(crash.point = name, "a test lets this process go");
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
        time::Duration,
    };
    use tokio::runtime::{Handle, RuntimeFlavor};

    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();

    pub(super) fn file() -> Option<&'static Path> {
        FILE.get_or_init(|| std::env::var_os("CRASH_FILE").map(PathBuf::from))
            .as_deref()
    }

    /// Whether the file asks for this point, and this process is the first to see it.
    pub(super) fn strikes(file: &Path, name: &str, passed_for: &[&str]) -> bool {
        let asked = fs::read_to_string(file).is_ok_and(|wanted| {
            let mut words = wanted.split_whitespace();
            words.next() == Some(name) && words.all(|word| passed_for.contains(&word))
        });
        asked && fs::rename(file, file.with_extension("struck")).is_ok()
    }

    /// What must go away before whoever came here goes on, if a test asks for that and nobody else waits for it.
    pub(super) fn holds(file: &Path, name: &str, passed_for: &[&str]) -> Option<PathBuf> {
        let asked = file.with_extension("hold").join(name);
        let wanted = fs::read_to_string(&asked).ok()?;
        if !wanted.split_whitespace().all(|word| passed_for.contains(&word)) {
            return None;
        }
        let held = asked.with_file_name(format!("{name}.held"));
        fs::rename(asked, &held).ok()?;
        Some(held)
    }

    /// Blocks this task, and no other where the runtime has threads to spare.
    pub(super) fn wait_while_there(held: &Path) {
        let wait = || {
            while held.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn folder() -> PathBuf {
            let folder = std::env::temp_dir().join(format!("crash-{}", uuid::Uuid::now_v7()));
            fs::create_dir_all(folder.join("point.hold")).unwrap();
            folder
        }

        #[test]
        fn a_point_strikes_once_and_only_when_named() {
            let folder = folder();
            let file = folder.join("point");
            assert!(!strikes(&file, "a.b", &[]), "no file");
            fs::write(&file, "a.b\n").unwrap();
            assert!(!strikes(&file, "a", &[]), "another point");
            assert!(strikes(&file, "a.b", &[]));
            assert!(!strikes(&file, "a.b", &[]), "a second time");
            fs::write(&file, "a.b group Kind").unwrap();
            assert!(!strikes(&file, "a.b", &["group", "Other"]), "for another");
            assert!(strikes(&file, "a.b", &["Kind", "group", "more"]));
            fs::remove_dir_all(folder).unwrap();
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
        async fn a_point_holds_one_until_it_is_let_go_and_others_go_on() {
            let folder = folder();
            let file = folder.join("point");
            fs::write(folder.join("point.hold/a.b"), "Kind").unwrap();
            assert_eq!(holds(&file, "a.c", &["Kind"]), None, "another point");
            assert_eq!(holds(&file, "a.b", &["Other"]), None, "for another");
            let held = holds(&file, "a.b", &["Kind"]).unwrap();
            assert_eq!(holds(&file, "a.b", &["Kind"]), None, "a second one");
            let letting_go = {
                let held = held.clone();
                async move { fs::remove_file(held).unwrap() }
            };
            // The only worker waits, and yet the other task comes to its turn.
            let waiting = async move { wait_while_there(&held) };
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(waiting);
            tasks.spawn(letting_go);
            tasks.join_all().await;
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
