use super::{Provider, SocialProfile, exchange::Tokens};
use crate::login_states::LoginSecrets;
use common::problem::Problem;
use http::StatusCode;
use serde::Deserialize;

const ISSUERS: [&str; 1] = ["https://kauth.kakao.com"];

/// `/v2/user/me`; everything but the id depends on what the person agreed to.
#[derive(Deserialize)]
struct Me {
    /// A number of up to 64 bits, while the ID token's `sub` is text.
    id: i64,
    kakao_account: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    email: Option<String>,
    /// False when the address has gone to another account or has expired.
    #[serde(default)]
    is_email_valid: bool,
    #[serde(default)]
    is_email_verified: bool,
    name: Option<String>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    nickname: Option<String>,
}

impl Provider {
    /// Who it is says the ID token; whether the email is theirs, `/v2/user/me` alone.
    pub(super) async fn kakao_profile(
        &self,
        tokens: &Tokens,
        secrets: &LoginSecrets,
    ) -> Result<SocialProfile, Problem> {
        let claims = self.verified(tokens, secrets, &ISSUERS).await?;
        let request = self
            .client
            .get(&self.config.endpoints.profile)
            .bearer_auth(&tokens.access);
        let (_, body) = self.client.ask(request, &[StatusCode::OK]).await?;
        let me: Me = serde_json::from_slice(&body).map_err(|_| self.lies("its profile cannot be read"))?;
        // An answer about somebody else must never be mixed into this login (OpenID Connect Core §5.3.2).
        if me.id.to_string() != claims.sub {
            return Err(self.lies("its profile is of somebody else than its ID token"));
        }
        let account = me.kakao_account.as_ref();
        let email = account
            .filter(|account| account.is_email_valid && account.is_email_verified)
            .and_then(|account| account.email.as_deref());
        let nickname = |account: &Account| account.profile.as_ref().and_then(|profile| profile.nickname.clone());
        let name = account
            .and_then(|account| account.name.clone().or_else(|| nickname(account)))
            .or(claims.nickname);
        SocialProfile::new(&claims.sub, email, name.as_deref()).map_err(|reason| self.lies(reason))
    }
}
