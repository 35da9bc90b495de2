use common::problem::Problem;
use unicode_normalization::UnicodeNormalization;

/// A person's name as on the identity card, Hangul or Latin, in composed form: a keyboard that sends `ㄱ` `ㅣ` `ㅁ` one by one
/// has written `김`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersonName(String);

/// Letters by their class that nobody can see.
const INVISIBLE: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

impl PersonName {
    const MAX_CHARS: usize = 50;
    /// No spelling of that many letters is longer.
    const MAX_BYTES: usize = 2048;

    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        Self::spell(text).ok_or_else(|| Problem::invalid("name", "must be a name of 1 to 50 letters"))
    }

    fn spell(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_BYTES {
            return None;
        }
        let name: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
        let letter = |c: char| c.is_alphabetic() && !INVISIBLE.contains(&c);
        let valid = (1..=Self::MAX_CHARS).contains(&name.chars().count())
            && name.chars().all(|c| letter(c) || " -'.·".contains(c))
            && name.chars().any(letter);
        valid.then_some(Self(name))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the verified name is this person's; verifiers differ in spacing, case and width.
    pub(crate) fn matches(&self, verified: &str) -> bool {
        let plain = |text: &str| {
            text.nfkc()
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
    use proptest::prelude::*;

    #[test]
    fn hangul_and_latin_names_are_names() {
        for good in ["김철수", "Kim  Chul-soo", "O'Neil", "José", "황보 관", "王小明"] {
            assert!(PersonName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "  ",
            "a\nb\u{0}",
            "<b>",
            "K1m",
            "---",
            "'.'",
            "\u{3164}",
            "김\u{3164}",
            "김\u{200b}",
            "\u{202e}mik",
            &"김".repeat(51),
        ] {
            assert!(PersonName::parse(bad).is_err(), "{bad}");
        }
        assert!(PersonName::parse("Kim Chulsoo").unwrap().matches("KIM CHULSOO"));
        assert!(PersonName::parse("Ｋｉｍ").unwrap().matches("kim"));
        assert!(!PersonName::parse("김철수").unwrap().matches("김철"));
    }

    #[test]
    fn length_counts_composed_characters() {
        let fifty = "각".repeat(50);
        let decomposed: String = fifty.nfd().collect();
        assert_eq!(decomposed.chars().count(), 150);
        assert_eq!(PersonName::parse(&decomposed).unwrap().as_str(), fifty);
    }

    proptest! {
        #[test]
        fn composed_and_decomposed_hangul_are_one_name(name in "[가-힣]{1,10}( [가-힣]{1,5})?") {
            let composed = PersonName::parse(&name).unwrap();
            let decomposed: String = name.nfd().collect();
            prop_assert_eq!(composed.as_str(), &name);
            prop_assert_eq!(&PersonName::parse(&decomposed).unwrap(), &composed);
            prop_assert!(composed.matches(&decomposed) && composed.matches(&name.replace(' ', "")));
        }

        #[test]
        fn whatever_is_taken_is_short_visible_and_its_own_spelling(
            text in prop_oneof![".*", "\\PC{0,60}", "[\\p{L}\\p{M} .'-]{0,60}", "[\u{1100}-\u{11ff}\u{3130}-\u{318f}]{1,9}"]
        ) {
            if let Ok(name) = PersonName::parse(&text) {
                let text = name.as_str();
                prop_assert!((1..=50).contains(&text.chars().count()));
                prop_assert!(!text.contains(char::is_control) && !text.contains("  ") && text.trim() == text);
                prop_assert!(text.chars().any(char::is_alphabetic));
                prop_assert!(name.matches(text) && name.matches(&text.nfd().collect::<String>()));
                prop_assert_eq!(PersonName::parse(text).ok(), Some(name));
            }
        }
    }
}
