use common::problem::Problem;

/// An email address, lower-cased, so that one mailbox has one account.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    const MAX_BYTES: usize = 254;
    const MAX_LOCAL_BYTES: usize = 64;

    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let email = text.trim().to_lowercase();
        let refuse = || Problem::invalid("email", "must be an email address");
        let (local, domain) = email.rsplit_once('@').ok_or_else(refuse)?;
        let plain = |part: &str| {
            !part.is_empty()
                && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "@,;:<>()[]\\\"".contains(c))
        };
        let dots = |part: &str| part.split('.').all(|label| !label.is_empty());
        let valid = email.len() <= Self::MAX_BYTES
            && local.len() <= Self::MAX_LOCAL_BYTES
            && plain(local)
            && dots(local)
            && plain(domain)
            && dots(domain)
            && domain.contains('.');
        if valid { Ok(Self(email)) } else { Err(refuse()) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_surrounding_space_do_not_make_another_mailbox() {
        assert_eq!(Email::parse(" Kim@Example.COM ").unwrap().as_str(), "kim@example.com");
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
            ".kim@a.com",
            "kim@example.com\r\nx",
            &format!("{}@example.com", "x".repeat(65)),
        ] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
    }
}
