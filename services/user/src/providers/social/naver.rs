use super::{Provider, SocialProfile, exchange::Tokens};
use common::problem::Problem;
use http::StatusCode;
use serde::Deserialize;

/// `/v1/nid/me`. A refusal has `resultcode` and `message`, or `errorCode` and `errorMessage`, and no `response` either way.
#[derive(Deserialize)]
struct Reply {
    resultcode: Option<String>,
    response: Option<Me>,
}

/// Everything but the id depends on the application's settings and on what the person agreed to.
#[derive(Deserialize)]
struct Me {
    /// Another one for each application.
    id: String,
    email: Option<String>,
    name: Option<String>,
    nickname: Option<String>,
}

impl Provider {
    /// Naver says of an email nothing but what it is. It counts as much as one that somebody types in a registration, where
    /// nobody vouches for it either.
    pub(super) async fn naver_profile(&self, tokens: &Tokens) -> Result<SocialProfile, Problem> {
        let request = self
            .client
            .get(&self.config.endpoints.profile)
            .bearer_auth(&tokens.access);
        let (_, body) = self.client.ask(request, &[StatusCode::OK]).await?;
        let reply: Reply = serde_json::from_slice(&body).map_err(|_| self.lies("its profile cannot be read"))?;
        let me = reply.response.filter(|_| reply.resultcode.as_deref() == Some("00"));
        let me = me.ok_or_else(|| self.lies("it refuses the profile"))?;
        let name = me.name.or(me.nickname);
        SocialProfile::new(&me.id, me.email.as_deref(), name.as_deref()).map_err(|reason| self.lies(reason))
    }
}
