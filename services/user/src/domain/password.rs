use common::problem::{Code, Problem};
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A new password that meets the rules of `design.md` §3.1.
#[derive(Clone)]
pub(crate) struct Password(SecretString);

impl Password {
    const MIN_CHARS: usize = 8;
    /// All that bcrypt reads.
    pub(crate) const MAX_BYTES: usize = 72;

    /// The `password` of a request.
    pub(crate) fn parse(text: String) -> Result<Self, Problem> {
        Self::parse_as("password", text)
    }

    /// The password that stands in another field of a request.
    pub(crate) fn parse_as(field: &str, text: String) -> Result<Self, Problem> {
        let weak = |message| Err(Problem::new(Code::WeakPassword).field(field, message));
        let text = Self::as_hashed(text);
        if text.chars().count() < Self::MIN_CHARS {
            return weak("must have at least 8 characters");
        }
        if text.len() > Self::MAX_BYTES {
            return weak("must have at most 72 bytes");
        }
        if text.contains(char::is_control) {
            return weak("must not contain a control character");
        }
        let has = |class: fn(char) -> bool| text.chars().any(class);
        if !(has(char::is_alphabetic)
            && has(|c| c.is_ascii_digit())
            && has(|c| !c.is_alphanumeric() && !c.is_whitespace()))
        {
            return weak("must contain a letter, a digit and a special character");
        }
        Ok(Self(text.into()))
    }

    /// The form in which a password, new or only claimed, is hashed and measured: composed, because the same keys give
    /// composed Hangul on one machine and decomposed on another.
    pub(crate) fn as_hashed(text: String) -> String {
        if is_nfc(&text) { text } else { text.nfc().collect() }
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn length_counts_characters_below_and_bytes_above() {
        assert!(Password::parse("가나다라마바1!".into()).is_ok(), "eight characters");
        assert!(Password::parse("가나다라마1!".into()).is_err(), "seven");
        assert!(Password::parse(format!("{}1!", "가".repeat(23))).is_ok(), "71 bytes");
        assert!(Password::parse(format!("{}1!", "가".repeat(24))).is_err(), "74 bytes");
        assert!(Password::parse(format!("Aa1!{}", "x".repeat(68))).is_ok(), "72 bytes");
        assert!(Password::parse(format!("Aa1!{}", "x".repeat(69))).is_err(), "73 bytes");
    }

    #[test]
    fn what_is_measured_is_composed() {
        let decomposed = |text: &str| text.nfd().collect::<String>();
        assert!(Password::parse(decomposed("각각각1!")).is_err(), "five, not eleven");
        let long = format!("{}1!", "각".repeat(23));
        assert!(decomposed(&long).len() > Password::MAX_BYTES);
        assert!(Password::parse(decomposed(&long)).is_ok());
    }

    #[test]
    fn each_class_is_needed() {
        for weak in [
            "Passw0rd",
            "Password!",
            "12345678!",
            "Pa1!",
            "Passw0 d",
            "Password!１",
            "Passw0rd\u{0}!",
            "Passw0rd!\n",
        ] {
            assert!(Password::parse(weak.into()).is_err(), "{weak}");
        }
        assert!(Password::parse("Passw0rd!".into()).is_ok());
    }

    proptest! {
        #[test]
        fn letters_a_digit_and_a_special_character_make_a_password(
            letters in "[a-zA-Z가-힣]{6,20}", digit in "[0-9]", special in "[!-/:-@\\[-`{-~]"
        ) {
            let text = format!("{letters}{digit}{special}");
            let taken = Password::parse(text.clone());
            prop_assert_eq!(taken.is_ok(), text.len() <= 72);
        }

        #[test]
        fn a_password_is_the_same_however_it_was_typed(text in "[가-힣é]{6,10}[0-9][!?]") {
            let typed = |text: String| Password::parse(text).ok().map(|password| password.expose().to_owned());
            prop_assert_eq!(typed(text.nfd().collect()), typed(text.clone()));
            prop_assert_eq!(Password::as_hashed(text.nfd().collect()), Password::as_hashed(text));
        }

        #[test]
        fn whatever_is_taken_is_read_by_bcrypt_as_a_whole(text in prop_oneof![".*", "\\PC{8,80}", ".{5,30}1!a"]) {
            if let Ok(password) = Password::parse(text) {
                prop_assert!(password.expose().len() <= 72 && !password.expose().contains('\0'));
                prop_assert!(password.expose().chars().count() >= 8);
                prop_assert!(Password::parse(password.expose().to_owned()).is_ok());
            }
        }
    }
}
