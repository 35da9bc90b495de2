//! Settings in files that may change while the process runs: secrets during their rotation, certificates when they are
//! renewed. They are read again every second; requests read the value of the moment without a lock.

use crate::{config::ConfigError, lifecycle::Shutdown};
use arc_swap::{ArcSwap, Guard};
use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How soon a changed file counts.
const REREAD_INTERVAL: Duration = Duration::from_secs(1);

/// A value as it is now; clones see the same.
#[derive(Debug)]
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// A value that stays until it is set anew.
    pub fn new(value: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(value)))
    }

    /// The value of the moment. Not to be kept over an await: it is for a look.
    #[must_use]
    pub fn get(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    /// The value from now on.
    pub fn set(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

type Reread = Box<dyn Fn() + Send + Sync>;

/// The files of a process's settings; clones are the same list.
#[derive(Clone, Default)]
pub struct LiveFiles(Arc<Mutex<Vec<Reread>>>);

impl LiveFiles {
    /// The value that `parse` makes of these files' contents, made anew whenever one of them changes. A change that cannot be
    /// used is logged once, and the value stays.
    ///
    /// # Errors
    /// When a file cannot be read or used now; the error names `variable`.
    pub fn live<T: Send + Sync + 'static>(
        &self,
        variable: &str,
        files: Vec<PathBuf>,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, ConfigError> + Send + Sync + 'static,
    ) -> Result<Live<T>, ConfigError> {
        let read = move || files.iter().map(std::fs::read).collect::<io::Result<Vec<_>>>();
        let seen = read().map_err(|error| unreadable(variable, &error))?;
        let live = Live::new(parse(&seen)?);
        if seen.is_empty() {
            return Ok(live);
        }
        let (variable, target, seen) = (variable.to_owned(), live.clone(), Mutex::new(Ok(seen)));
        let reread = move || {
            let now = read().map_err(|error| error.to_string());
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                return;
            }
            let made = match &now {
                Ok(contents) => parse(contents),
                Err(error) => Err(unreadable(&variable, error)),
            };
            match made {
                Ok(value) => {
                    target.set(value);
                    tracing::info!(setting.name = variable, "a setting was read anew from its file");
                }
                Err(error) => tracing::error!(
                    setting.name = variable,
                    error.message = %error,
                    "a changed file cannot be used; the setting stays as it was"
                ),
            }
            *seen = now;
        };
        self.list().push(Box::new(reread));
        Ok(live)
    }

    /// Reads every file once more.
    pub fn reread(&self) {
        for reread in self.list().iter() {
            reread();
        }
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// Reads them again and again until the shutdown.
    pub(crate) async fn follow(self, shutdown: Shutdown) {
        while !shutdown.sleep(REREAD_INTERVAL).await {
            let files = self.clone();
            // A volume may be slow; and what panics there is found by the next line.
            if let Err(error) = tokio::task::spawn_blocking(move || files.reread()).await {
                tracing::error!(error.message = %error, "settings in files could not be read again");
            }
        }
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Reread>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreadable(variable: &str, error: &impl fmt::Display) -> ConfigError {
    ConfigError::new(variable, format!("its file cannot be read: {error}"))
}

impl fmt::Debug for LiveFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files' settings", self.list().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_counts_and_a_bad_one_does_not() {
        let path = std::env::temp_dir().join(format!("live-{}", uuid::Uuid::now_v7()));
        let files = LiveFiles::default();
        let parse = |contents: &[Vec<u8>]| {
            let text = String::from_utf8_lossy(&contents[0]).into_owned();
            text.parse::<u8>()
                .map_err(|error| ConfigError::new("X", error.to_string()))
        };
        let missing = files.live("X", vec![path.clone()], parse).unwrap_err();
        assert_eq!(missing.variable, "X");
        std::fs::write(&path, "1").unwrap();
        let live = files.live("X", vec![path.clone()], parse).unwrap();
        let after = |text: &str| {
            std::fs::write(&path, text).unwrap();
            files.reread();
            **live.get()
        };
        assert_eq!((after("2"), after("many"), after("3")), (2, 2, 3));
        std::fs::remove_file(&path).unwrap();
        files.reread();
        assert_eq!(**live.get(), 3);
    }
}
