use super::SocialProvider;
use common::config::{ConfigError, Env, Profile};
use secrecy::SecretString;
use std::time::Duration;

const SIMULATORS: &str = "OAUTH_SIMULATORS_URL";
/// The value of `OAUTH_SIMULATORS_URL` with which a developer meets the real providers.
const NONE: &str = "none";

/// Social login.
#[derive(Clone)]
pub(crate) struct SocialConfig {
    /// `OAUTH_STATE_TTL_SECONDS`, default 600: how long somebody may take at the provider.
    pub(crate) state_ttl: Duration,
    /// `OAUTH_SIGNUP_TTL_SECONDS`, default 900: how long somebody may take to fill in the rest of a sign-up.
    pub(crate) signup_ttl: Duration,
    /// `OAUTH_JWKS_TTL_SECONDS`, default 3600: a key that a provider withdraws is believed for this long at most, or for a day
    /// if the provider does not tell.
    pub(crate) jwks_ttl: Duration,
    /// `OAUTH_JWKS_REFETCH_SECONDS`, default 10: how soon the keys are fetched again for one that is unknown, and after a failure.
    pub(crate) jwks_refetch: Duration,
    /// Those that are offered.
    pub(crate) providers: Vec<(SocialProvider, ProviderConfig)>,
}

/// Our registration at one provider; `<P>` stands for KAKAO, NAVER, GOOGLE.
#[derive(Clone)]
pub(crate) struct ProviderConfig {
    /// `OAUTH_<P>_CLIENT_ID`. In production a provider without one is not offered.
    pub(crate) client_id: String,
    /// `OAUTH_<P>_CLIENT_SECRET`, or the file that `OAUTH_<P>_CLIENT_SECRET_FILE` names.
    pub(crate) client_secret: SecretString,
    /// `OAUTH_<P>_REDIRECT_URI`: the front end's page, exactly as it is registered. Each provider's is another one, so that
    /// the page knows who sends somebody back.
    pub(crate) redirect_uri: String,
    /// `OAUTH_<P>_SCOPE`: no more than this is asked for. Kakao's are separated by commas, Google's by spaces, and Naver
    /// has none: there the application's settings decide.
    pub(crate) scope: String,
    pub(crate) endpoints: Endpoints,
}

#[derive(Clone)]
pub(crate) struct Endpoints {
    pub(crate) authorize: String,
    pub(crate) token: String,
    /// Empty where the ID token says everything.
    pub(crate) profile: String,
    /// Empty where there is no ID token.
    pub(crate) jwks: String,
}

/// A host and a path at each provider; a simulator has the same paths on one host.
struct Places {
    authorize: (&'static str, &'static str),
    token: (&'static str, &'static str),
    profile: (&'static str, &'static str),
    jwks: (&'static str, &'static str),
}

const NOWHERE: (&str, &str) = ("", "");

const fn places(provider: SocialProvider) -> Places {
    match provider {
        SocialProvider::Kakao => Places {
            authorize: ("https://kauth.kakao.com", "/oauth/authorize"),
            token: ("https://kauth.kakao.com", "/oauth/token"),
            profile: ("https://kapi.kakao.com", "/v2/user/me"),
            jwks: ("https://kauth.kakao.com", "/.well-known/jwks.json"),
        },
        SocialProvider::Naver => Places {
            authorize: ("https://nid.naver.com", "/oauth2.0/authorize"),
            token: ("https://nid.naver.com", "/oauth2.0/token"),
            profile: ("https://openapi.naver.com", "/v1/nid/me"),
            jwks: NOWHERE,
        },
        SocialProvider::Google => Places {
            authorize: ("https://accounts.google.com", "/o/oauth2/v2/auth"),
            token: ("https://oauth2.googleapis.com", "/token"),
            profile: NOWHERE,
            jwks: ("https://www.googleapis.com", "/oauth2/v3/certs"),
        },
    }
}

impl SocialConfig {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let simulators = Simulators::from_env(env)?;
        let mut providers = Vec::new();
        for provider in SocialProvider::ALL {
            if let Some(config) = ProviderConfig::from_env(env, provider, simulators.as_ref())? {
                providers.push((provider, config));
            }
        }
        Ok(Self {
            state_ttl: env.seconds_or("OAUTH_STATE_TTL_SECONDS", 600)?,
            signup_ttl: env.seconds_or("OAUTH_SIGNUP_TTL_SECONDS", 900)?,
            jwks_ttl: env.seconds_or("OAUTH_JWKS_TTL_SECONDS", 3600)?,
            jwks_refetch: env.seconds_or("OAUTH_JWKS_REFETCH_SECONDS", 10)?,
            providers,
        })
    }
}

/// Where the simulators are, as this service reaches them and as a browser does.
struct Simulators {
    ours: String,
    browsers: String,
}

impl Simulators {
    /// `OAUTH_SIMULATORS_URL` and `OAUTH_SIMULATORS_BROWSER_URL`. In production there are none.
    fn from_env(env: &Env) -> Result<Option<Self>, ConfigError> {
        const LOCAL: &str = "http://127.0.0.1:8090";
        const BROWSERS: &str = "OAUTH_SIMULATORS_BROWSER_URL";
        let ours = match (env.profile(), env.optional(SIMULATORS)) {
            (Profile::Prod, Some(_)) => return Err(ConfigError::new(SIMULATORS, "must not be set in prod")),
            (Profile::Prod, None) | (Profile::Local, Some(NONE)) => return Ok(None),
            (Profile::Local, _) => env.string_or(SIMULATORS, LOCAL).trim_end_matches('/').to_owned(),
        };
        env.explain_default(BROWSERS, "as OAUTH_SIMULATORS_URL");
        let browsers = env.string_or(BROWSERS, &ours);
        Ok(Some(Self { ours, browsers }))
    }
}

impl ProviderConfig {
    fn from_env(
        env: &Env,
        provider: SocialProvider,
        simulators: Option<&Simulators>,
    ) -> Result<Option<Self>, ConfigError> {
        let (name, upper) = (provider.name(), provider.as_str());
        let client_id = env.optional(&format!("OAUTH_{upper}_CLIENT_ID"));
        if client_id.is_none() && env.profile() == Profile::Prod {
            return Ok(None);
        }
        let scope = match provider {
            SocialProvider::Kakao => "openid,account_email,profile_nickname",
            SocialProvider::Naver => "",
            SocialProvider::Google => "openid email profile",
        };
        Ok(Some(Self {
            client_id: client_id.map_or_else(|| format!("local-{name}-client"), str::to_owned),
            client_secret: env.issued_secret(
                &format!("OAUTH_{upper}_CLIENT_SECRET"),
                &format!("local-{name}-client-secret"),
            )?,
            redirect_uri: redirect_uri(env, &format!("OAUTH_{upper}_REDIRECT_URI"), name)?,
            scope: env.string_or(&format!("OAUTH_{upper}_SCOPE"), scope),
            endpoints: Endpoints::of(provider, simulators),
        }))
    }
}

impl Endpoints {
    fn of(provider: SocialProvider, simulators: Option<&Simulators>) -> Self {
        let places = places(provider);
        let at = |place: (&str, &str), simulator: Option<&String>| match simulator {
            _ if place == NOWHERE => String::new(),
            Some(base) => format!("{base}/{}{}", provider.name(), place.1),
            None => format!("{}{}", place.0, place.1),
        };
        let ours = simulators.map(|simulators| &simulators.ours);
        Self {
            authorize: at(places.authorize, simulators.map(|simulators| &simulators.browsers)),
            token: at(places.token, ours),
            profile: at(places.profile, ours),
            jwks: at(places.jwks, ours),
        }
    }
}

/// Compared letter by letter at the provider, so it is taken as it is.
fn redirect_uri(env: &Env, variable: &str, name: &str) -> Result<String, ConfigError> {
    let uri = env.address(variable, &format!("http://localhost:3000/auth/callback/{name}"))?;
    let parsed = reqwest::Url::parse(&uri).map_err(|error| ConfigError::new(variable, error.to_string()))?;
    if parsed.fragment().is_some() {
        return Err(ConfigError::new(variable, "must not have a fragment"));
    }
    if env.profile() == Profile::Prod && parsed.scheme() != "https" {
        return Err(ConfigError::new(variable, "must be https in prod"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const PROD: [(&str, &str); 4] = [
        ("APP_ENV", "prod"),
        ("OAUTH_NAVER_CLIENT_ID", "naver-id"),
        ("OAUTH_NAVER_CLIENT_SECRET", "ten-chars!"),
        (
            "OAUTH_NAVER_REDIRECT_URI",
            "https://ticketing.example/auth/callback/naver",
        ),
    ];

    fn config(pairs: &[(&str, &str)]) -> Result<SocialConfig, ConfigError> {
        SocialConfig::from_env(&Env::from_pairs(pairs.iter().copied()).unwrap())
    }

    #[test]
    fn production_offers_what_is_registered_at_the_real_addresses() {
        let config = config(&PROD).unwrap();
        let [(SocialProvider::Naver, naver)] = &config.providers[..] else {
            panic!("not only Naver is offered");
        };
        assert_eq!(naver.endpoints.token, "https://nid.naver.com/oauth2.0/token");
        assert_eq!(naver.client_secret.expose_secret(), "ten-chars!");
    }

    #[test]
    fn production_refuses_what_is_for_local_use() {
        let refused = |variable: &str, value: &str| {
            let mut pairs = PROD.to_vec();
            pairs.retain(|(name, _)| *name != variable);
            pairs.push((variable, value));
            config(&pairs).err().map(|error| error.variable)
        };
        for (variable, value) in [
            ("OAUTH_NAVER_CLIENT_SECRET", ""),
            ("OAUTH_NAVER_CLIENT_SECRET", "local-naver-client-secret"),
            ("OAUTH_NAVER_REDIRECT_URI", ""),
            ("OAUTH_NAVER_REDIRECT_URI", "http://localhost:3000/auth/callback/naver"),
            ("OAUTH_NAVER_REDIRECT_URI", "http://ticketing.example/"),
            (SIMULATORS, "https://simulators.example"),
        ] {
            assert_eq!(refused(variable, value).as_deref(), Some(variable), "{value}");
        }
    }

    #[test]
    fn locally_everything_is_simulated_unless_it_is_not_to_be() {
        let simulated = config(&[
            (SIMULATORS, "http://sim:1/"),
            ("OAUTH_SIMULATORS_BROWSER_URL", "http://me:1"),
        ])
        .unwrap();
        assert_eq!(simulated.providers.len(), 3);
        assert_eq!(
            simulated.providers[0].1.endpoints.authorize,
            "http://me:1/kakao/oauth/authorize"
        );
        assert_eq!(
            simulated.providers[2].1.endpoints.jwks,
            "http://sim:1/google/oauth2/v3/certs"
        );
        let real = config(&[(SIMULATORS, NONE)]).unwrap();
        assert_eq!(
            real.providers[0].1.endpoints.profile,
            "https://kapi.kakao.com/v2/user/me"
        );
    }
}
