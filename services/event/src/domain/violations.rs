use common::problem::{Code, Problem};

/// More would only repeat what is wrong, and a small request must not get a huge reply.
const MAX_NOTED: usize = 50;

/// Collects the broken fields of one request, so that an administrator learns of all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<(String, String)>);

impl Violations {
    /// Notes `message` about `field` unless the rule holds.
    pub(crate) fn require(&mut self, holds: bool, field: &str, message: impl Into<String>) {
        if !holds && self.0.len() < MAX_NOTED {
            self.0.push((field.to_owned(), message.into()));
        }
    }

    /// A line of text without surrounding blanks: not empty, at most `max` characters, no control characters. Those would
    /// break log lines, and PostgreSQL refuses NUL.
    pub(crate) fn line(&mut self, field: &str, text: &str, max: usize) -> String {
        let text = text.trim();
        self.require(!text.is_empty(), field, "must not be blank");
        self.require(
            text.chars().count() <= max,
            field,
            format!("must have at most {max} characters"),
        );
        self.require(
            !text.chars().any(char::is_control),
            field,
            "must not contain control characters",
        );
        text.to_owned()
    }

    /// A text that may have several lines, or none at all.
    pub(crate) fn paragraphs(&mut self, field: &str, text: Option<&str>, max: usize) -> Option<String> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        self.require(
            text.chars().count() <= max,
            field,
            format!("must have at most {max} characters"),
        );
        let clean = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        self.require(clean, field, "must not contain control characters");
        Some(text.to_owned())
    }

    /// Nothing, or 400 `VALIDATION_FAILED` with what was noted.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let problem = Problem::new(Code::ValidationFailed);
        Err(self
            .0
            .into_iter()
            .fold(problem, |problem, (field, message)| problem.field(field, message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_field_is_named() {
        let mut violations = Violations::default();
        violations.line("name", "  ", 10);
        violations.line("city", "Se\0ul", 10);
        violations.line("address", "eleven chars", 10);
        assert_eq!(violations.line("title", " 겨울 콘서트 ", 10), "겨울 콘서트");
        let problem = violations.finish().unwrap_err();
        let fields: Vec<_> = problem.body("")["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].clone())
            .collect();
        assert_eq!(fields, ["name", "city", "address"]);
    }

    #[test]
    fn paragraphs_may_break_lines_and_be_missing() {
        let mut violations = Violations::default();
        assert_eq!(
            violations.paragraphs("description", Some("a\nb"), 3).as_deref(),
            Some("a\nb")
        );
        assert_eq!(violations.paragraphs("description", Some("  "), 3), None);
        assert!(violations.finish().is_ok());
    }
}
