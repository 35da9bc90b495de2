use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

/// Environment variables, and which of them were asked for: `simulators settings` prints those for the reference of settings.
#[derive(Default)]
pub struct Vars {
    values: HashMap<String, String>,
    asked: RefCell<BTreeMap<String, Value>>,
}

impl Vars {
    /// These; an empty one counts as unset.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        let set = values.into_iter().filter(|(_, value)| !value.is_empty());
        Self {
            values: set.collect(),
            asked: RefCell::default(),
        }
    }

    /// A text, or else `default`.
    #[must_use]
    pub fn text(&self, name: &str, default: &str) -> String {
        self.note(name, "text", Some(default));
        self.value(name).unwrap_or_else(|| default.to_owned())
    }

    /// A text that may be missing.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        self.note(name, "text", None);
        self.value(name)
    }

    /// What must not be shown.
    pub(crate) fn secret(&self, name: &str, default: String) -> String {
        self.note(name, "secret", None);
        self.value(name).unwrap_or(default)
    }

    /// The former value of a secret.
    pub(crate) fn previous(&self, name: &str) -> Option<String> {
        self.value(&format!("{name}_PREVIOUS"))
    }

    /// A number of milliseconds.
    pub(crate) fn millis(&self, name: &str, default: u64) -> anyhow::Result<u64> {
        self.note(name, "milliseconds", Some(&default.to_string()));
        let parse = |text: String| {
            text.parse()
                .map_err(|_| anyhow::anyhow!("{name} is not a number of milliseconds"))
        };
        self.value(name).map_or(Ok(default), parse)
    }

    /// A port's number.
    ///
    /// # Errors
    /// When it is none.
    pub fn port(&self, name: &str, default: u16) -> anyhow::Result<u16> {
        self.note(name, "wholeNumber", Some(&default.to_string()));
        let parse = |text: String| text.parse().map_err(|_| anyhow::anyhow!("{name} is no port"));
        self.value(name).map_or(Ok(default), parse)
    }

    /// What was asked for so far, by name.
    #[must_use]
    pub fn asked(&self) -> Value {
        json!(*self.asked.borrow())
    }

    fn value(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    fn note(&self, name: &str, kind: &str, default: Option<&str>) {
        let setting = json!({"kind": kind, "default": default});
        self.asked.borrow_mut().insert(name.to_owned(), setting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_told_and_secrets_are_not() {
        let vars = Vars::new([("A".to_owned(), "1".to_owned()), ("B".to_owned(), String::new())]);
        assert_eq!(vars.text("A", "0"), "1");
        assert_eq!(vars.text("B", "default"), "default");
        assert_eq!(vars.secret("S", "hidden".to_owned()), "hidden");
        assert!(vars.millis("A", 5).is_ok_and(|millis| millis == 1));
        let told = vars.asked();
        assert_eq!(told["B"], json!({"kind": "text", "default": "default"}));
        assert_eq!(told["S"]["default"], Value::Null);
    }
}
