//! Secrets that are exchanged while requests run (`docs/operations.md`, "Secrets").
//!
//! A secret stands in `<NAME>`, or in the file that `<NAME>_FILE` names. A file is read again when it changes. Its first line
//! is the secret itself, every further line is accepted as well; so are `<NAME>_PREVIOUS` and `<NAME>_PREVIOUS_FILE`.

use crate::{
    config::{ConfigError, Env},
    live::Live,
    settings::{Kind, Setting},
};
use secrecy::SecretString;
use std::path::PathBuf;

/// A secret and what is accepted beside it.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// With which to sign.
    pub current: SecretString,
    /// Which to believe as well while the secret is exchanged.
    pub others: Vec<SecretString>,
}

impl Accepted {
    /// All that are to be believed, the present one first.
    pub fn all(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

/// Where one variable's value comes from.
enum Source {
    Value(String),
    /// The index of its file.
    File(usize),
}

impl Source {
    fn lines<'a>(&'a self, contents: &'a [Vec<u8>]) -> Vec<&'a str> {
        match self {
            Self::Value(value) => vec![value.as_str()],
            // What is no UTF-8 is no secret of ours; without a line the caller says so.
            Self::File(index) => std::str::from_utf8(&contents[*index])
                .unwrap_or_default()
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect(),
        }
    }
}

impl Env {
    /// What `derive` makes of a secret, made anew when its file changes.
    ///
    /// # Errors
    /// When the secret stands in two places, its file cannot be read or nothing can be derived from it; in production, when
    /// it is missing, default or short.
    pub fn live_secret<T: Send + Sync + 'static>(
        &self,
        variable: &str,
        local_default: &str,
        derive: impl Fn(Accepted) -> Result<T, ConfigError> + Send + Sync + 'static,
    ) -> Result<Live<T>, ConfigError> {
        self.note(variable, || {
            Setting::new(Kind::Secret, None).required().live().with_previous()
        });
        let previous = format!("{variable}_PREVIOUS");
        let mut files = Vec::new();
        let current = self.source(variable, &mut files)?;
        let others = self.source(&previous, &mut files)?;
        let (profile, name, local_default) = (self.strictness(), variable.to_owned(), local_default.to_owned());
        self.files().live(variable, files, move |contents| {
            let lines = current.as_ref().map(|source| source.lines(contents));
            if lines.as_ref().is_some_and(Vec::is_empty) {
                return Err(ConfigError::new(&name, "its file is empty"));
            }
            let mut lines = lines.unwrap_or_default().into_iter();
            let secret = profile.check_secret(&name, lines.next(), &local_default)?;
            let more = others.as_ref().map(|source| source.lines(contents)).unwrap_or_default();
            derive(Accepted {
                current: secret,
                others: lines.chain(more).map(SecretString::from).collect(),
            })
        })
    }

    /// A secret's text as it is at the start, if it is set.
    pub(crate) fn secret_text(&self, variable: &str) -> Result<Option<String>, ConfigError> {
        let mut files = Vec::new();
        let path = match self.source(variable, &mut files)? {
            Some(Source::Value(value)) => return Ok(Some(value)),
            Some(Source::File(index)) => &files[index],
            None => return Ok(None),
        };
        let unusable = |reason| ConfigError::new(&format!("{variable}_FILE"), format!("`{}` {reason}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
        let secret = text.lines().map(str::trim).find(|line| !line.is_empty());
        let secret = secret.ok_or_else(|| unusable("is empty".to_owned()))?;
        Ok(Some(secret.to_owned()))
    }

    /// Where the variable's value stands, if it is set; a file is added to `files`.
    fn source(&self, variable: &str, files: &mut Vec<PathBuf>) -> Result<Option<Source>, ConfigError> {
        let in_file = format!("{variable}_FILE");
        match (self.value(variable), self.value(&in_file)) {
            (Some(_), Some(_)) => Err(ConfigError::new(&in_file, format!("{variable} is set as well"))),
            (None, Some(path)) => {
                files.push(PathBuf::from(path));
                Ok(Some(Source::File(files.len() - 1)))
            }
            (value, None) => Ok(value.map(|value| Source::Value(value.to_owned()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn secrets(live: &Live<Accepted>) -> Vec<String> {
        live.get()
            .all()
            .map(|secret| secret.expose_secret().to_owned())
            .collect()
    }

    #[test]
    fn the_first_line_signs_and_all_are_believed() {
        let path = std::env::temp_dir().join(format!("secret-{}", uuid::Uuid::now_v7()));
        let file = path.to_str().unwrap();
        std::fs::write(&path, "old\n").unwrap();
        let env = Env::from_pairs([("JWT_SECRET_FILE", file), ("JWT_SECRET_PREVIOUS", "older")]).unwrap();
        let live = env.live_secret("JWT_SECRET", "local", Ok).unwrap();
        assert_eq!(secrets(&live), ["old", "older"]);
        std::fs::write(&path, "new\n\n old \n").unwrap();
        env.files().reread();
        assert_eq!(secrets(&live), ["new", "old", "older"]);
        std::fs::write(&path, "\n").unwrap();
        env.files().reread();
        assert_eq!(secrets(&live), ["new", "old", "older"], "an empty file is a mistake");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn production_demands_of_a_file_what_it_demands_of_a_variable() {
        let path = std::env::temp_dir().join(format!("secret-{}", uuid::Uuid::now_v7()));
        let file = path.to_str().unwrap();
        let env = Env::from_pairs([("APP_ENV", "prod"), ("JWT_SECRET_FILE", file)]).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(env.live_secret("JWT_SECRET", "local", |_| Ok(())).is_err());
        assert!(env.secret("JWT_SECRET", "local").is_err());
        std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        let secret = env.secret("JWT_SECRET", "local").unwrap();
        assert_eq!(secret.expose_secret(), "0123456789abcdef0123456789abcdef");
        assert!(env.live_secret("JWT_SECRET", "local", |_| Ok(())).is_ok());
        let twice = Env::from_pairs([("JWT_SECRET", "a"), ("JWT_SECRET_FILE", file)]).unwrap();
        assert_eq!(
            twice.secret("JWT_SECRET", "local").unwrap_err().variable,
            "JWT_SECRET_FILE"
        );
        std::fs::remove_file(&path).unwrap();
    }
}
