use common::problem::Problem;

/// A person's name as on the identity card, Hangul or Latin.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PersonName(String);

impl PersonName {
    const MAX_CHARS: usize = 50;

    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let valid = (1..=Self::MAX_CHARS).contains(&name.chars().count())
            && name.chars().all(|c| c.is_alphabetic() || " -'.·".contains(c));
        if valid {
            Ok(Self(name))
        } else {
            Err(Problem::invalid("name", "must be a name of 1 to 50 letters"))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the verified name is this person's; verifiers differ in spacing and case.
    pub(crate) fn matches(&self, verified: &str) -> bool {
        let plain = |text: &str| {
            text.chars()
                .filter(|c| !c.is_whitespace())
                .flat_map(char::to_lowercase)
                .collect::<String>()
        };
        plain(&self.0) == plain(verified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hangul_and_latin_names_are_names() {
        for good in ["김철수", "Kim  Chul-soo", "O'Neil"] {
            assert!(PersonName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "  ", "a\nb\u{0}", "<b>", "K1m", &"김".repeat(51)] {
            assert!(PersonName::parse(bad).is_err(), "{bad}");
        }
        assert!(PersonName::parse("Kim Chulsoo").unwrap().matches("KIM CHULSOO"));
    }
}
