//! Processes that die or wait at a named point of their code (`common::crash`).

use crate::{Part, System};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

/// How long a flow may take to the point where it dies: a consumer that has lost its process waits for its partitions for
/// six seconds, and the machine may be busy.
const REACHED_WITHIN: Duration = Duration::from_secs(120);

impl System {
    /// From now on, the first process of this part that comes to the point dies there. Words after the point's name, such
    /// as a consumer group, choose among those who pass it.
    ///
    /// # Panics
    /// When the part is to die somewhere already.
    pub fn arm(&self, part: Part, point: &str) {
        let file = self.crash_file(part);
        assert!(!file.exists(), "{part:?} is to die elsewhere: {}", file.display());
        // Renamed into place: half a name would be another point's.
        let draft = file.with_extension("draft");
        std::fs::write(&draft, point).expect("the crash file can be written");
        std::fs::rename(&draft, &file).expect("the crash file can be put in place");
    }

    /// Waits until the part has died where it was to die.
    ///
    /// # Panics
    /// When it does not get there, or dies elsewhere.
    pub async fn wait_for_death(&mut self, part: Part) {
        let (file, log) = (self.crash_file(part), self.logs.display().to_string());
        let running = self.running.get_mut(&part).expect("it runs");
        let deadline = Instant::now() + REACHED_WITHIN;
        while !running.has_ended() {
            assert!(Instant::now() < deadline, "{part:?} never came to the point; see {log}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!file.exists(), "{part:?} died elsewhere; see {log}");
        self.running.remove(&part);
    }

    /// From now on, whoever of this part comes first to the point waits there until it is let go. Words after the point's
    /// name choose among those who pass it.
    ///
    /// # Panics
    /// When somebody is to wait there already.
    pub fn hold(&self, part: Part, point: &str) {
        let (name, words) = point.split_once(' ').unwrap_or((point, ""));
        let file = self.hold_file(part, name);
        assert!(
            !file.exists() && !held(&file).exists(),
            "{part:?} is to wait there already: {}",
            file.display()
        );
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
        let draft = self.hold_file(part, &format!("{name}.draft"));
        std::fs::write(&draft, words).expect("the file can be written");
        std::fs::rename(&draft, &file).expect("the file can be put in place");
    }

    /// Waits until somebody waits at the point.
    ///
    /// # Panics
    /// When nobody gets there.
    pub async fn wait_until_held(&self, part: Part, point: &str) {
        let file = held(&self.hold_file(part, name(point)));
        let deadline = Instant::now() + REACHED_WITHIN;
        while !file.exists() {
            assert!(
                Instant::now() < deadline,
                "{part:?} never came to {point}; see {}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets go who waits at the point.
    ///
    /// # Panics
    /// When nobody does.
    pub fn let_go(&self, part: Part, point: &str) {
        let file = held(&self.hold_file(part, name(point)));
        std::fs::remove_file(&file).expect("somebody waits there");
    }

    /// Where its log and those of all parts are.
    #[must_use]
    pub fn logs(&self) -> String {
        self.logs.display().to_string()
    }

    fn hold_file(&self, part: Part, point: &str) -> PathBuf {
        self.crash_file(part).with_extension("hold").join(point)
    }

    pub(crate) fn crash_file(&self, part: Part) -> PathBuf {
        self.logs.join(format!("{}.crash", part.binary()))
    }
}

/// The point's name without the words behind it.
fn name(point: &str) -> &str {
    point.split(' ').next().unwrap_or_default()
}

/// What a file that holds is called while somebody waits.
fn held(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".held");
    name.into()
}
