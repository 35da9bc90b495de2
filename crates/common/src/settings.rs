//! What a program asks of its environment, told by the program itself: `<service> settings` reads the settings of an empty
//! environment and prints each question with its default. The reference in `docs/configuration.md` is made of that, so it
//! cannot differ from the code.

use crate::{
    config::{ConfigError, Env, Profile},
    live::LiveFiles,
};
use serde::Serialize;
use std::{
    any::type_name,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    Text,
    WholeNumber,
    Number,
    Flag,
    Seconds,
    Milliseconds,
    Address,
    /// The name of a file with PEM in it.
    File,
    /// Ours to choose, so production demands a length.
    Secret,
    /// Somebody else's choice.
    IssuedSecret,
}

impl Kind {
    /// Of what a value is parsed into.
    pub(crate) fn of<T>() -> Self {
        match type_name::<T>() {
            "bool" => Self::Flag,
            "f32" | "f64" => Self::Number,
            "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => Self::WholeNumber,
            _ => Self::Text,
        }
    }
}

/// One variable, as the code that reads it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Setting {
    pub(crate) kind: Kind,
    /// What holds without it; never that of a secret.
    pub(crate) default: Option<String>,
    /// The default in words, where it depends on the machine or on other settings.
    pub(crate) explained: Option<&'static str>,
    /// Production refuses to start without it, or with the local default.
    pub(crate) required: bool,
    /// Its file is read again while the process runs.
    pub(crate) live: bool,
    /// `<NAME>_PREVIOUS` is accepted too.
    pub(crate) previous: bool,
}

impl Setting {
    pub(crate) fn new(kind: Kind, default: Option<String>) -> Self {
        Self {
            kind,
            default,
            explained: None,
            required: false,
            live: false,
            previous: false,
        }
    }

    /// Production refuses to start without it.
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) fn live(mut self) -> Self {
        self.live = true;
        self
    }

    pub(crate) fn with_previous(mut self) -> Self {
        self.previous = true;
        self
    }

    /// Whether it was only asked whether the variable is set.
    fn is_bare(&self) -> bool {
        self.kind == Kind::Text && self.default.is_none()
    }

    fn merge(&mut self, other: Self) {
        if self.is_bare() {
            self.kind = other.kind;
            self.default = other.default;
        }
        self.explained = self.explained.or(other.explained);
        self.required |= other.required;
        self.live |= other.live;
        self.previous |= other.previous;
    }
}

/// The questions so far; clones are the same list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Mutex<BTreeMap<String, Setting>>>);

impl Asked {
    pub(crate) fn note(&self, variable: &str, setting: Setting) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match asked.get_mut(variable) {
            Some(known) => known.merge(setting),
            None => _ = asked.insert(variable.to_owned(), setting),
        }
    }

    fn all(&self) -> BTreeMap<String, Setting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Env {
    /// An empty environment that notes what it is asked for, and refuses nothing.
    fn asking(profile: Profile) -> (Self, Asked) {
        let asked = Asked::default();
        asked.note("APP_ENV", Setting::new(Kind::Text, Some("local".to_owned())));
        let env = Self {
            values: HashMap::new(),
            profile,
            files: LiveFiles::default(),
            asked: Some(asked.clone()),
        };
        (env, asked)
    }

    /// Notes a question, if somebody wants to know.
    pub(crate) fn note(&self, variable: &str, setting: impl FnOnce() -> Setting) {
        if let Some(asked) = &self.asked {
            let mut setting = setting();
            setting.required &= self.profile == Profile::Prod;
            asked.note(variable, setting);
        }
    }

    /// Whose demands on values hold.
    pub(crate) fn strictness(&self) -> Profile {
        if self.asked.is_some() {
            Profile::Local
        } else {
            self.profile
        }
    }

    /// Says in words what holds without the variable, for the reference of settings: where the default depends on the
    /// machine or on other settings.
    pub fn explain_default(&self, variable: &str, words: &'static str) {
        self.note(variable, || Setting {
            explained: Some(words),
            ..Setting::new(Kind::Text, None)
        });
    }
}

/// A variable in both profiles.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    #[serde(flatten)]
    setting: Setting,
    /// The default in production, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    prod_default: Option<String>,
}

/// All variables that `read` asks for, as JSON by name.
///
/// # Errors
/// When `read` cannot do with an empty environment, or there is no JSON of it.
pub fn describe(read: impl Fn(&Env) -> Result<(), ConfigError>) -> anyhow::Result<String> {
    let of = |profile| {
        let (env, asked) = Env::asking(profile);
        read(&env).map(|()| asked.all())
    };
    let (local, mut prod) = (of(Profile::Local)?, of(Profile::Prod)?);
    let mut described = BTreeMap::new();
    for (name, mut setting) in local {
        let in_prod = prod.remove(&name);
        setting.required = in_prod.as_ref().is_some_and(|setting| setting.required);
        let prod_default = in_prod
            .map(|setting| setting.default)
            .filter(|default| *default != setting.default)
            .flatten();
        described.insert(name, Described { setting, prod_default });
    }
    described.extend(prod.into_iter().map(|(name, setting)| {
        let described = Described {
            setting,
            prod_default: None,
        };
        (name, described)
    }));
    Ok(serde_json::to_string(&described)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn described(read: impl Fn(&Env) -> Result<(), ConfigError>) -> Value {
        serde_json::from_str(&describe(read).unwrap()).unwrap()
    }

    #[test]
    fn each_question_is_told_with_its_default_in_both_profiles() {
        let told = described(|env| {
            env.parse_or("SHARE", 0.5)?;
            env.seconds_or("DRAIN_SECONDS", if env.profile() == Profile::Prod { 15 } else { 0 })?;
            let _given = env.optional("GIVEN");
            Ok(())
        });
        assert_eq!(told["SHARE"]["kind"], "number");
        assert_eq!(told["SHARE"]["default"], "0.5");
        assert_eq!(told["DRAIN_SECONDS"]["kind"], "seconds");
        assert_eq!(told["DRAIN_SECONDS"]["default"], "0");
        assert_eq!(told["DRAIN_SECONDS"]["prodDefault"], "15");
        assert_eq!(told["GIVEN"]["default"], Value::Null);
        assert_eq!(told["APP_ENV"]["default"], "local");
    }

    #[test]
    fn a_secret_is_told_without_its_default_and_required_only_where_production_asks_for_it() {
        let told = described(|env| {
            env.live_secret("KEY", "local-key", |_| Ok(()))?;
            env.secret("WEBHOOK", "local-webhook")?;
            env.previous_secret("WEBHOOK")?;
            if env.profile() == Profile::Local {
                env.issued_secret("CLIENT", "local-client")?;
            }
            env.optional_secret("TOKEN")?;
            Ok(())
        });
        let expected = |kind: &str, required: bool, live: bool, previous: bool| json!({"kind": kind, "default": null, "explained": null, "required": required, "live": live, "previous": previous});
        assert_eq!(told["KEY"], expected("secret", true, true, true));
        assert_eq!(told["WEBHOOK"], expected("secret", true, false, true));
        assert_eq!(told["CLIENT"], expected("issuedSecret", false, false, false));
        assert_eq!(told["TOKEN"], expected("secret", false, false, false));
    }

    #[test]
    fn the_fuller_question_counts() {
        let told = described(|env| {
            let _limit = env.optional("LIMIT");
            env.explain_default("LIMIT", "one per core");
            env.parse_or("LIMIT", 4_usize).map(|_| ())
        });
        assert_eq!(told["LIMIT"]["kind"], "wholeNumber");
        assert_eq!(told["LIMIT"]["explained"], "one per core");
    }
}
