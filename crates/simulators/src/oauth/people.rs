use serde::Deserialize;
use serde_json::Value;

use super::OauthProvider;

/// Who sits in front of the provider's page: the body of `PUT /control/oauth/{provider}/next-user`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Person {
    /// Text or a number; Kakao's are numbers of up to 64 bits.
    id: Value,
    /// None if there is none, or if the person does not agree to tell it.
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) nickname: Option<String>,
    /// Kakao and Google.
    #[serde(default = "yes")]
    pub(crate) email_verified: bool,
    /// Kakao: false when the address has gone to another account.
    #[serde(default = "yes")]
    pub(crate) email_valid: bool,
    /// The `error` with which the browser is sent back instead of a code, such as `access_denied`.
    pub(crate) denies: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Person {
    /// Who is there as long as nobody was named.
    pub(super) fn somebody() -> Self {
        Self {
            id: Value::from(4_294_967_297_u64),
            email: None,
            name: None,
            nickname: Some("아무개".to_owned()),
            email_verified: true,
            email_valid: true,
            denies: None,
        }
    }

    /// The person's id as text.
    pub(crate) fn id(&self) -> String {
        match &self.id {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// What is wrong with the person as one of that provider.
    pub(crate) fn check(&self, provider: OauthProvider) -> Result<(), &'static str> {
        let number = self.id().parse::<i64>().is_ok();
        match &self.id {
            Value::String(text) if text.is_empty() => Err("id is empty"),
            Value::String(_) | Value::Number(_) if number || provider != OauthProvider::Kakao => Ok(()),
            _ => Err("id is not one of that provider: Kakao's are numbers of 64 bits"),
        }
    }
}
