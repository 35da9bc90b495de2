use common::problem::Problem;

/// A Korean mobile number as digits, `01012345678`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Phone(String);

impl Phone {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = || Problem::invalid("phone", "must be a Korean mobile number such as 010-1234-5678");
        let text = text.trim();
        if !text.chars().all(|c| c.is_ascii_digit() || "+- ".contains(c)) {
            return Err(refuse());
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let national = match (text.starts_with('+'), digits.strip_prefix("82")) {
            (true, Some(rest)) => format!("0{}", rest.trim_start_matches('0')),
            (true, None) => return Err(refuse()),
            (false, _) => digits,
        };
        let mobile = ["010", "011", "016", "017", "018", "019"]
            .iter()
            .any(|prefix| national.starts_with(prefix));
        if mobile && (10..=11).contains(&national.len()) {
            Ok(Self(national))
        } else {
            Err(refuse())
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_one_number() {
        for text in ["010-1234-5678", "01012345678", "+82 10-1234-5678", "+82 010 1234 5678"] {
            assert_eq!(Phone::parse(text).unwrap().as_str(), "01012345678", "{text}");
        }
    }

    #[test]
    fn what_is_no_mobile_number_is_refused() {
        for bad in [
            "",
            "02-123-4567",
            "010-1234",
            "+1 212 555 0100",
            "010-1234-5678x",
            "010123456789",
        ] {
            assert!(Phone::parse(bad).is_err(), "{bad}");
        }
    }
}
