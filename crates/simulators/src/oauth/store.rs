use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use rand::distr::{Alphanumeric, SampleString};

use super::OauthProvider;
use super::keys::SigningKeys;
use super::people::Person;
use crate::state::lock;

const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);

/// Everything the three providers remember, of this process only.
pub(crate) struct Oauth {
    people: Mutex<HashMap<OauthProvider, Person>>,
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, (OauthProvider, Person)>>,
    keys: [SigningKeys; 3],
}

/// What somebody agreed to.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) provider: OauthProvider,
    pub(super) person: Person,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) scope: String,
    /// The challenge of PKCE and whether it is a hash.
    pub(super) challenge: Option<(String, bool)>,
    pub(super) at: DateTime<Utc>,
}

impl Oauth {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let [kakao, naver, google] = OauthProvider::ALL.map(SigningKeys::of);
        Ok(Self {
            people: Mutex::default(),
            codes: Mutex::default(),
            tokens: Mutex::default(),
            keys: [kakao?, naver?, google?],
        })
    }

    pub(crate) fn set_next_user(&self, provider: OauthProvider, person: Person) {
        lock(&self.people).insert(provider, person);
    }

    pub(super) fn next_user(&self, provider: OauthProvider) -> Person {
        lock(&self.people)
            .get(&provider)
            .cloned()
            .unwrap_or_else(Person::somebody)
    }

    pub(crate) fn keys(&self, provider: OauthProvider) -> &SigningKeys {
        &self.keys[provider.index()]
    }

    pub(super) fn add_code(&self, grant: Grant) -> String {
        let code = random();
        lock(&self.codes).insert(code.clone(), grant);
        code
    }

    /// Whoever shows the code, rightly or not, uses it up.
    pub(super) fn redeem(&self, provider: OauthProvider, code: &str, now: DateTime<Utc>) -> Option<Grant> {
        lock(&self.codes)
            .remove(code)
            .filter(|grant| grant.provider == provider && now - grant.at <= CODE_LIFE)
    }

    pub(super) fn add_token(&self, provider: OauthProvider, person: Person) -> String {
        let token = random();
        lock(&self.tokens).insert(token.clone(), (provider, person));
        token
    }

    pub(super) fn owner(&self, provider: OauthProvider, token: &str) -> Option<Person> {
        let tokens = lock(&self.tokens);
        let (of, person) = tokens.get(token)?;
        (*of == provider).then(|| person.clone())
    }
}

fn random() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 43)
}
