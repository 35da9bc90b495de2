use common::problem::Problem;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// An email address in the one spelling that its mailbox has here, so that one mailbox has one account: lower case, and an
/// international domain as `xn--…`. What stands before the `@` is ASCII: which of its other spellings a mail server would
/// take for the same one, nobody but that server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    const MAX_BYTES: usize = 254;
    const MAX_LOCAL_BYTES: usize = 64;
    /// What RFC 5322 lets an unquoted local part have besides letters, digits and dots.
    const SPECIAL: &str = "!#$%&'*+-/=?^_`{|}~";

    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        Self::spell(text.trim()).ok_or_else(|| Problem::invalid("email", "must be an email address"))
    }

    fn spell(text: &str) -> Option<Self> {
        // Longer than any spelling of an address: not worth the work of looking at it.
        if text.len() > 4 * Self::MAX_BYTES {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        let atom = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || Self::SPECIAL.contains(c))
        };
        if local.len() > Self::MAX_LOCAL_BYTES || !local.split('.').all(atom) {
            return None;
        }
        let domain = Uts46::new()
            .to_ascii(
                domain.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .ok()?;
        // A top-level domain is never a number; that would be an address of a machine.
        let (_, top) = domain.rsplit_once('.')?;
        let email = format!("{}@{domain}", local.to_ascii_lowercase());
        let valid = !top.bytes().all(|byte| byte.is_ascii_digit()) && email.len() <= Self::MAX_BYTES;
        valid.then_some(Self(email))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelled(text: &str) -> Option<String> {
        Email::parse(text).ok().map(|email| email.0)
    }

    #[test]
    fn spellings_of_one_mailbox_are_one() {
        for (text, mailbox) in [
            (" Kim@Example.COM ", "kim@example.com"),
            ("kim+tickets@example.com", "kim+tickets@example.com"),
            ("kim@예제.한국", "kim@xn--2j5b21b.xn--3e0b707e"),
            (
                "kim@\u{110b}\u{1168}\u{110c}\u{1166}.한국",
                "kim@xn--2j5b21b.xn--3e0b707e",
            ),
            ("kim@XN--2J5B21B.한국", "kim@xn--2j5b21b.xn--3e0b707e"),
            ("kim@example。com", "kim@example.com"),
            ("kim@exam\u{200b}ple.com", "kim@example.com"),
        ] {
            assert_eq!(spelled(text).as_deref(), Some(mailbox), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "kim",
            "@example.com",
            "kim@",
            "kim@localhost",
            "a b@example.com",
            "a@b@c.d e",
            "kim@a..com",
            "kim@a.com.",
            ".kim@a.com",
            "kim.@a.com",
            "kim@-a.com",
            "kim@a_b.com",
            "kim@192.0.2.1",
            "kim@[192.0.2.1]",
            "\"kim\"@example.com",
            "kim@example.com\r\nx",
            "kim@exa\u{0}mple.com",
            "김@example.com",
            "ｋim@example.com",
            "kim@xn--a.com",
            &format!("{}@example.com", "x".repeat(65)),
            &format!("kim@{}.com", "x".repeat(64)),
            &format!("kim@{}com", "abcdefghi.".repeat(25)),
        ] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_ordinary_address_is_taken_in_lower_case(
            text in "[a-zA-Z0-9_+-]{1,20}(\\.[a-zA-Z0-9]{1,10}){0,3}@[a-zA-Z]([a-zA-Z0-9]{1,20}\\.){1,3}[a-zA-Z]{2,10}"
        ) {
            prop_assert_eq!(spelled(&text), Some(text.to_lowercase()));
        }

        #[test]
        fn whatever_is_taken_is_plain_short_and_its_own_spelling(
            text in prop_oneof![".*", ".{0,20}@.{0,20}", ".{0,5}@.{0,5}\\.\\PC{1,5}", "[a-z]{1,9}@\\w{1,9}\\.\\w{2,5}"]
        ) {
            if let Some(email) = spelled(&text) {
                prop_assert!(email.len() <= Email::MAX_BYTES);
                prop_assert!(email.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()), "{}", email);
                prop_assert_eq!(email.matches('@').count(), 1);
                prop_assert_eq!(spelled(&email), Some(email.clone()), "again it is the same");
                prop_assert_eq!(spelled(&email.to_uppercase()), Some(email), "and in capitals");
            }
        }
    }
}
