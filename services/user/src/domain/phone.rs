use common::problem::Problem;

/// A Korean mobile number as digits, `01012345678`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phone(String);

impl Phone {
    /// Nobody writes more than this between and around eleven digits.
    const MAX_CHARS: usize = 32;

    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        Self::digits(text.trim())
            .map(Self)
            .ok_or_else(|| Problem::invalid("phone", "must be a Korean mobile number such as 010-1234-5678"))
    }

    fn digits(text: &str) -> Option<String> {
        let international = text.strip_prefix('+');
        let written = international.unwrap_or(text);
        // Only ASCII digits are digits: others look alike and are not, and text messages would go nowhere.
        if written.len() > Self::MAX_CHARS || !written.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b' ') {
            return None;
        }
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        let national = match international {
            // Many keep the 0 that is dialled within the country.
            Some(_) => {
                let rest = digits.strip_prefix("82")?;
                format!("0{}", rest.strip_prefix('0').unwrap_or(rest))
            }
            None => digits,
        };
        let (prefix, rest) = national.split_at_checked(3)?;
        let mobile = match prefix {
            "010" => rest.len() == 8,
            "011" | "016" | "017" | "018" | "019" => matches!(rest.len(), 7 | 8),
            _ => false,
        };
        mobile.then_some(national)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_number_are_one_number() {
        for text in [
            "010-1234-5678",
            "01012345678",
            "+82 10-1234-5678",
            "+82 010 1234 5678",
            " 010 1234-5678 ",
        ] {
            assert_eq!(Phone::parse(text).unwrap().as_str(), "01012345678", "{text}");
        }
    }

    #[test]
    fn what_is_no_mobile_number_is_refused() {
        for bad in [
            "",
            "+",
            "02-123-4567",
            "010-1234",
            "010-123-4567",
            "+1 212 555 0100",
            "+82 0010-1234-5678",
            "010+1234-5678",
            "010-1234-5678x",
            "010123456789",
            "０１０-1234-5678",
            "٠١٠12345678",
            "010\u{2013}1234\u{2013}5678",
            &format!("010{}12345678", "-".repeat(40)),
        ] {
            assert!(Phone::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_way_to_write_a_number_gives_its_digits(
            rest in "[0-9]{8}",
            cuts in proptest::collection::vec((0_usize..8, prop_oneof!["-", " ", " - "]), 0..3),
            beginning in prop_oneof![Just("010"), Just("+8210"), Just("+82-010"), Just("+82 10 ")],
        ) {
            let mut written = rest.clone();
            for (at, between) in cuts {
                written.insert_str(at.min(written.len()), &between);
            }
            let phone = Phone::parse(&format!("{beginning}{written}"));
            prop_assert_eq!(phone.map(|phone| phone.0).ok(), Some(format!("010{rest}")));
        }

        #[test]
        fn whatever_is_taken_is_ten_or_eleven_digits_and_its_own_spelling(
            text in prop_oneof![".*", "\\+?[0-9 -]{0,16}", "01[0-9]\\d{6,9}", "\\+82[0-9 -]{8,14}"]
        ) {
            if let Ok(phone) = Phone::parse(&text) {
                prop_assert!((10..=11).contains(&phone.0.len()) && phone.0.starts_with("01"));
                prop_assert!(phone.0.bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(Phone::parse(phone.as_str()).ok(), Some(phone));
            }
        }
    }
}
