//! Kakao, Naver and Google as a relying party sees them: the page where somebody agrees, the token endpoint, the profile,
//! and the keys of the ID tokens. Paths are the providers' own; what is on different hosts there is on one here.
//!
//! Nobody sits in front of the page, so it agrees at once, for whoever `PUT /control/oauth/{provider}/next-user` named
//! last. Codes are good once, for ten minutes, for the client and the redirect URI they were made for, and with the PKCE
//! verifier if there was a challenge. `kakao|naver|google: {down, delayMs, lies: […]}` of the faults makes them misbehave.

mod authorize;
mod id_token;
mod keys;
mod lies;
mod people;
mod profile;
mod store;
mod token;

use std::sync::Arc;

use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::lies::Lie;
pub(crate) use self::people::Person;
pub(crate) use self::store::Oauth;
use crate::config::OauthClient;
use crate::faults::{Provider, strike_provider};
use crate::state::Simulators;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OauthProvider {
    Kakao,
    Naver,
    Google,
}

impl OauthProvider {
    pub(crate) const ALL: [Self; 3] = [Self::Kakao, Self::Naver, Self::Google];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kakao => "kakao",
            Self::Naver => "naver",
            Self::Google => "google",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Kakao => 0,
            Self::Naver => 1,
            Self::Google => 2,
        }
    }
}

impl Simulators {
    fn client(&self, provider: OauthProvider) -> &OauthClient {
        &self.config.oauth_clients[provider.index()]
    }
}

/// What the handlers of one provider share.
#[derive(Clone)]
struct Site {
    simulators: Arc<Simulators>,
    provider: OauthProvider,
}

impl Site {
    fn lies(&self, lie: Lie) -> bool {
        self.simulators.faults.lies(self.provider, lie)
    }
}

pub(crate) fn router(simulators: &Arc<Simulators>) -> Router {
    let site = |provider, fault, routes: Router<Site>| {
        let faults = from_fn_with_state((Arc::clone(simulators), fault), strike_provider);
        routes.layer(faults).with_state(Site {
            simulators: Arc::clone(simulators),
            provider,
        })
    };
    let kakao = Router::new()
        .route("/oauth/authorize", get(authorize::authorize))
        .route("/oauth/token", axum::routing::post(token::token))
        .route("/v2/user/me", get(profile::kakao))
        .route("/.well-known/jwks.json", get(keys));
    // Its token endpoint takes both.
    let naver_token = get(token::token_by_query).post(token::token);
    let naver = Router::new()
        .route("/oauth2.0/authorize", get(authorize::authorize))
        .route("/oauth2.0/token", naver_token)
        .route("/v1/nid/me", get(profile::naver));
    let google = Router::new()
        .route("/o/oauth2/v2/auth", get(authorize::authorize))
        .route("/token", axum::routing::post(token::token))
        .route("/v1/userinfo", get(profile::google))
        .route("/oauth2/v3/certs", get(keys));
    Router::new()
        .nest("/kakao", site(OauthProvider::Kakao, Provider::Kakao, kakao))
        .nest("/naver", site(OauthProvider::Naver, Provider::Naver, naver))
        .nest("/google", site(OauthProvider::Google, Provider::Google, google))
}

/// The published keys.
async fn keys(State(site): State<Site>) -> Json<Value> {
    Json(site.simulators.oauth.keys(site.provider).published())
}
