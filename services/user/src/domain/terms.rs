use common::problem::{Code, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What one may agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum TermsType {
    Service,
    Privacy,
    Marketing,
}

impl TermsType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "SERVICE",
            Self::Privacy => "PRIVACY",
            Self::Marketing => "MARKETING",
        }
    }
}

/// The terms in force.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Terms {
    #[serde(rename = "type")]
    pub(crate) terms_type: TermsType,
    #[schema(example = "2026-01-11")]
    pub(crate) version: &'static str,
    pub(crate) title: &'static str,
    pub(crate) body: &'static str,
    /// Whether there is no account without it.
    pub(crate) required: bool,
}

/// Changing a text means a new version here: agreements name the version they were given to.
pub(crate) const TERMS: [Terms; 3] = [
    Terms {
        terms_type: TermsType::Service,
        version: "2026-01-11",
        title: "서비스 이용약관",
        body: include_str!("../../terms/service.ko.md"),
        required: true,
    },
    Terms {
        terms_type: TermsType::Privacy,
        version: "2026-01-11",
        title: "개인정보 수집 및 이용 동의",
        body: include_str!("../../terms/privacy.ko.md"),
        required: true,
    },
    Terms {
        terms_type: TermsType::Marketing,
        version: "2026-01-11",
        title: "마케팅 정보 수신 동의",
        body: include_str!("../../terms/marketing.ko.md"),
        required: false,
    },
];

/// One answer to one of the terms.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Agreement {
    #[serde(rename = "type")]
    pub(crate) terms_type: TermsType,
    /// The version that was shown.
    pub(crate) version: String,
    pub(crate) agreed: bool,
}

/// The required terms must be agreed to, each of the terms answered at most once and in the version in force.
pub(crate) fn check_agreements(agreements: &[Agreement]) -> Result<(), Problem> {
    for (index, agreement) in agreements.iter().enumerate() {
        if agreements[..index]
            .iter()
            .any(|earlier| earlier.terms_type == agreement.terms_type)
        {
            return Err(Problem::invalid(format!("agreements[{index}].type"), "is there twice"));
        }
        if TERMS
            .iter()
            .any(|terms| terms.terms_type == agreement.terms_type && terms.version != agreement.version)
        {
            return Err(Problem::invalid(
                format!("agreements[{index}].version"),
                "is not the version in force",
            ));
        }
    }
    for terms in TERMS.iter().filter(|terms| terms.required) {
        if !agreements
            .iter()
            .any(|agreement| agreement.terms_type == terms.terms_type && agreement.agreed)
        {
            let message = format!("{} must be agreed to", terms.terms_type.as_str());
            return Err(Problem::new(Code::TermsNotAgreed).field("agreements", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(terms_type: TermsType, agreed: bool) -> Agreement {
        Agreement {
            terms_type,
            version: "2026-01-11".into(),
            agreed,
        }
    }

    #[test]
    fn service_and_privacy_are_required_and_marketing_is_not() {
        let both = [answer(TermsType::Service, true), answer(TermsType::Privacy, true)];
        assert!(check_agreements(&both).is_ok());
        for missing in [
            &both[..1],
            &both[1..],
            &[both[0].clone(), answer(TermsType::Privacy, false)],
        ] {
            assert_eq!(check_agreements(missing).unwrap_err().code(), Code::TermsNotAgreed);
        }
    }

    #[test]
    fn an_old_version_or_a_second_answer_is_refused() {
        let old = Agreement {
            version: "2020-01-01".into(),
            ..answer(TermsType::Service, true)
        };
        assert_eq!(check_agreements(&[old]).unwrap_err().code(), Code::ValidationFailed);
        let twice = [answer(TermsType::Service, true), answer(TermsType::Service, false)];
        assert_eq!(check_agreements(&twice).unwrap_err().code(), Code::ValidationFailed);
    }
}
