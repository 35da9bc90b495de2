use common::problem::{Code, Problem};
use secrecy::{ExposeSecret, SecretString};

/// A new password that meets the rules of `design.md` §3.1.
#[derive(Clone)]
pub(crate) struct Password(SecretString);

impl Password {
    const MIN_CHARS: usize = 8;
    /// All that bcrypt reads.
    pub(crate) const MAX_BYTES: usize = 72;

    pub(crate) fn parse(text: String) -> Result<Self, Problem> {
        let weak = |message| Err(Problem::new(Code::WeakPassword).field("password", message));
        if text.chars().count() < Self::MIN_CHARS {
            return weak("must have at least 8 characters");
        }
        if text.len() > Self::MAX_BYTES {
            return weak("must have at most 72 bytes");
        }
        if text.contains('\0') {
            return weak("must not contain a null character");
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

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_below_and_bytes_above() {
        assert!(Password::parse("가나다라마바1!".into()).is_ok(), "eight characters");
        assert!(Password::parse(format!("{}1!", "가".repeat(24))).is_err(), "74 bytes");
        assert!(Password::parse(format!("Aa1!{}", "x".repeat(68))).is_ok(), "72 bytes");
    }

    #[test]
    fn each_class_is_needed() {
        for weak in ["Passw0rd", "Password!", "12345678!", "Pa1!", "Passw0 d"] {
            assert!(Password::parse(weak.into()).is_err(), "{weak}");
        }
        assert!(Password::parse("Passw0rd!".into()).is_ok());
    }
}
