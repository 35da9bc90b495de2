//! Kakao, Naver and Google: who is at the browser, by the authorisation code flow (RFC 6749, RFC 9700, OpenID Connect Core).
//!
//! | | Kakao | Naver | Google |
//! |---|---|---|---|
//! | who it is | ID token; `/v2/user/me` for the email's flags | `/v1/nid/me` | ID token |
//! | PKCE, nonce | yes | it has neither | yes |
//! | `state` at the token endpoint | no | required | no |
//!
//! Naver's plain OAuth 2 is taken rather than its younger OpenID Connect, of whose claims and errors little is known. What
//! PKCE and nonce would prevent is prevented there by the state, which only the browser that began can use.
//!
//! Nothing that a provider gives is kept: its tokens are dropped with the request that fetched them.
//!
//! A provider that is down, slow, or answers what it never should is 503 with `Retry-After`, never 502: to the gateway that
//! would be a failure of this service, and its breaker would shut out those who sign in by password.

mod config;
mod exchange;
mod google;
mod id_token;
mod jwks;
mod kakao;
mod naver;

pub(crate) use config::{ProviderConfig, SocialConfig};

use super::Client;
use crate::{config::ProvidersConfig, db::history::Method, domain::Email, login_states::LoginSecrets};
use common::{
    Clock,
    problem::{Code, Problem},
};
use jwks::Jwks;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who signs people in for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SocialProvider {
    Kakao,
    Naver,
    Google,
}

impl SocialProvider {
    pub(crate) const ALL: [Self; 3] = [Self::Kakao, Self::Naver, Self::Google];

    /// The provider of a path.
    pub(crate) fn parse(path: &str) -> Result<Self, Problem> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == path)
            .ok_or_else(|| Problem::new(Code::NotFound))
    }

    /// As in paths.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kakao => "kakao",
            Self::Naver => "naver",
            Self::Google => "google",
        }
    }

    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Kakao => Method::Kakao,
            Self::Naver => Method::Naver,
            Self::Google => Method::Google,
        }
    }

    /// As in rows and replies.
    pub(crate) const fn as_str(self) -> &'static str {
        self.method().as_str()
    }
}

/// Who somebody is at a provider.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SocialProfile {
    /// The provider's id of the person, which never changes. Nothing else identifies: an email moves from one to another.
    pub(crate) subject: String,
    /// Only one that the provider vouches for, as far as it says anything of the kind.
    pub(crate) email: Option<String>,
    /// What to call the person; no name by which anybody is identified.
    pub(crate) name: Option<String>,
}

impl SocialProfile {
    /// Refuses an id that none of the providers gives, and leaves out what cannot be used.
    fn new(subject: &str, email: Option<&str>, name: Option<&str>) -> Result<Self, &'static str> {
        if !(1..=255).contains(&subject.len()) || !subject.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its id of the person is none");
        }
        let name: Option<String> = name.map(|name| name.chars().filter(|c| !c.is_control()).take(50).collect());
        Ok(Self {
            subject: subject.to_owned(),
            email: email.and_then(|email| Email::parse(email).ok().map(|email| email.as_str().to_owned())),
            name: name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
        })
    }
}

/// One provider that people can sign in with.
pub(crate) struct Provider {
    kind: SocialProvider,
    config: ProviderConfig,
    client: Client,
    jwks: Jwks,
    clock: Clock,
}

impl Provider {
    /// Where the browser goes to be asked.
    pub(crate) fn authorization_url(&self, secrets: &LoginSecrets) -> anyhow::Result<String> {
        let challenge = secrets.pkce_challenge();
        let config = &self.config;
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &config.client_id),
            ("redirect_uri", &config.redirect_uri),
            ("state", &secrets.state),
        ];
        if self.kind != SocialProvider::Naver {
            query.extend([
                ("scope", config.scope.as_str()),
                ("nonce", &secrets.nonce),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ]);
        }
        let url = reqwest::Url::parse_with_params(&config.endpoints.authorize, &query)?;
        Ok(url.into())
    }

    /// Who has come back with that code.
    pub(crate) async fn profile(&self, code: &str, secrets: &LoginSecrets) -> Result<SocialProfile, Problem> {
        let tokens = self.exchange(code, secrets).await?;
        match self.kind {
            SocialProvider::Kakao => self.kakao_profile(&tokens, secrets).await,
            SocialProvider::Naver => self.naver_profile(&tokens).await,
            SocialProvider::Google => self.google_profile(&tokens, secrets).await,
        }
    }

    /// It answered what it never should: logged with the reason, which has nothing of the answer in it.
    fn lies(&self, reason: &str) -> Problem {
        Problem::unavailable(self.kind.name(), &reason)
    }
}

/// The providers that are configured.
pub(crate) struct SocialProviders(Vec<Provider>);

impl SocialProviders {
    pub(crate) fn new(config: &SocialConfig, providers: ProvidersConfig, clock: &Clock) -> anyhow::Result<Self> {
        // The access tokens' verifier has done so as well; whichever comes first.
        common::jwt::install_provider();
        let configured = config.providers.iter().map(|(kind, own)| {
            Ok(Provider {
                kind: *kind,
                client: Client::new(kind.name(), providers.timeout, providers.pause)?,
                jwks: Jwks::new(own.endpoints.jwks.clone(), config, clock.clone())?,
                config: own.clone(),
                clock: clock.clone(),
            })
        });
        Ok(Self(configured.collect::<anyhow::Result<_>>()?))
    }

    /// 404 for a provider that nobody can sign in with here.
    pub(crate) fn get(&self, kind: SocialProvider) -> Result<&Provider, Problem> {
        let provider = self.0.iter().find(|provider| provider.kind == kind);
        provider.ok_or_else(|| Problem::new(Code::NotFound).detail("Signing in with this provider is not offered."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::config::Env;
    use std::time::Duration;

    #[tokio::test]
    async fn a_provider_that_is_not_registered_is_not_found() {
        let prod = Env::from_pairs([
            ("APP_ENV", "prod"),
            ("OAUTH_GOOGLE_CLIENT_ID", "google-id"),
            ("OAUTH_GOOGLE_CLIENT_SECRET", "google-secret"),
            (
                "OAUTH_GOOGLE_REDIRECT_URI",
                "https://ticketing.example/auth/callback/google",
            ),
        ]);
        let config = SocialConfig::from_env(&prod.unwrap()).unwrap();
        let patience = ProvidersConfig {
            timeout: Duration::from_secs(1),
            pause: Duration::from_secs(1),
        };
        let providers = SocialProviders::new(&config, patience, &Clock::system()).unwrap();
        assert!(providers.get(SocialProvider::Google).is_ok());
        for missing in [SocialProvider::Kakao, SocialProvider::Naver] {
            assert_eq!(
                providers.get(missing).err().map(|problem| problem.code()),
                Some(Code::NotFound)
            );
        }
    }

    #[test]
    fn a_profile_has_an_id_and_what_can_be_used_of_the_rest() {
        let profile = SocialProfile::new("42", Some("A@B.kr"), Some(" \u{7}하나 ")).unwrap();
        assert_eq!(profile.email.as_deref(), Some("a@b.kr"));
        assert_eq!(profile.name.as_deref(), Some("하나"));
        let bare = SocialProfile::new("42", Some("nobody"), Some(" ")).unwrap();
        assert_eq!((bare.email, bare.name), (None, None));
        for bad in ["", "a b", "a\n", "가", &"x".repeat(256)] {
            assert!(SocialProfile::new(bad, None, None).is_err(), "{bad}");
        }
    }
}
