use super::{Provider, exchange::Tokens};
use crate::login_states::LoginSecrets;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::{
    crypto::{constant_time_eq, sha256},
    problem::Problem,
};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Value;

/// By how much the provider's clock and ours may differ, in seconds.
const LEEWAY: i64 = 60;
/// A token comes straight from its issuer, so one issued longer ago belongs to something else. In seconds.
const MAX_AGE: i64 = 600;

/// What we read of an ID token.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    at_hash: Option<String>,
    pub(super) email: Option<String>,
    /// Not always the boolean that it should be.
    pub(super) email_verified: Option<Value>,
    pub(super) name: Option<String>,
    pub(super) nickname: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Provider {
    /// The claims of the ID token that came with `tokens`, if it is this login's (OpenID Connect Core §3.1.3.7).
    pub(super) async fn verified(
        &self,
        tokens: &Tokens,
        secrets: &LoginSecrets,
        issuers: &[&str],
    ) -> Result<Claims, Problem> {
        let token = tokens.id.as_deref().ok_or_else(|| self.lies("there is no ID token"))?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| self.lies("its ID token cannot be read"))?;
        // The algorithm is pinned, whatever the token says; and an extension that must be understood is none of ours.
        if header.alg != Algorithm::RS256 || header.crit.is_some() {
            return Err(self.lies("its ID token is not signed with RS256"));
        }
        let kid = header.kid.ok_or_else(|| self.lies("its ID token names no key"))?;
        let key = self.jwks.key(&self.client, &kid).await?;
        let key = key.ok_or_else(|| self.lies("its ID token is signed with an unknown key"))?;

        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(issuers);
        validation.set_audience(&[&self.config.client_id]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are compared below, with the injected clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .map_err(|error| self.lies(&format!("its ID token is not valid: {:?}", error.kind())))?
            .claims;
        let wrong = self.wrong_in(&claims, tokens, secrets);
        wrong.map_or(Ok(claims), |reason| Err(self.lies(reason)))
    }

    fn wrong_in(&self, claims: &Claims, tokens: &Tokens, secrets: &LoginSecrets) -> Option<&'static str> {
        let now = self.clock.now().timestamp();
        let client_id = self.config.client_id.as_str();
        let for_others = match &claims.aud {
            Audience::One(audience) => audience != client_id,
            // That ours is among them has been seen; with others beside it, who asked for it must be said.
            Audience::Many(audiences) => audiences.len() > 1 && claims.azp.is_none(),
        };
        let at_hash = |token: &str| BASE64_URL_SAFE_NO_PAD.encode(&sha256(token.as_bytes())[..16]);
        let nonce = claims.nonce.as_deref().unwrap_or_default();
        if for_others || claims.azp.as_ref().is_some_and(|azp| azp != client_id) {
            Some("its ID token is for somebody else")
        } else if claims.exp <= now - LEEWAY {
            Some("its ID token has expired")
        } else if claims.iat > now + LEEWAY || claims.iat < now - MAX_AGE {
            Some("its ID token is of another time")
        } else if !constant_time_eq(nonce.as_bytes(), secrets.nonce.as_bytes()) {
            Some("its ID token is of another login")
        } else if claims
            .at_hash
            .as_ref()
            .is_some_and(|hash| *hash != at_hash(&tokens.access))
        {
            Some("its ID token is of another access token")
        } else {
            None
        }
    }
}
