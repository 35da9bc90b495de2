use super::{Provider, SocialProfile, exchange::Tokens};
use crate::login_states::LoginSecrets;
use common::problem::Problem;
use serde_json::json;

/// Google writes it both ways.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

impl Provider {
    /// The ID token says everything.
    pub(super) async fn google_profile(
        &self,
        tokens: &Tokens,
        secrets: &LoginSecrets,
    ) -> Result<SocialProfile, Problem> {
        let claims = self.verified(tokens, secrets, &ISSUERS).await?;
        let vouched_for = claims.email_verified == Some(json!(true));
        let email = claims.email.as_deref().filter(|_| vouched_for);
        SocialProfile::new(&claims.sub, email, claims.name.as_deref()).map_err(|reason| self.lies(reason))
    }
}
