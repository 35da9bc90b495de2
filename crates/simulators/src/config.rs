use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::Clock;

/// What the simulated providers know about their one customer, and where they reach it.
///
/// `Default` is the local development set-up, which the services share.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// `PORTONE_API_SECRET`: expected in `Authorization: PortOne …`.
    pub portone_api_secret: String,
    /// `PORTONE_STORE_ID`: the only store there is.
    pub portone_store_id: String,
    /// `PORTONE_CHANNEL_KEY_CARD`: the only channel there is, a test channel for cards with manual approval.
    pub portone_channel_key_card: String,
    /// `PORTONE_WEBHOOK_URL`: where webhooks are sent.
    pub portone_webhook_url: String,
    /// `PORTONE_WEBHOOK_SECRET` and, while secrets are being rotated, `PORTONE_WEBHOOK_SECRET_PREVIOUS`. Each webhook
    /// carries one signature per secret.
    pub portone_webhook_secrets: Vec<String>,
    /// `PORTONE_WEBHOOK_RETRY_UNIT_MS`: PortOne waits 1, 4, 16, 64 and 256 minutes between its attempts at a webhook.
    /// This is how long such a minute lasts here (default one second).
    pub portone_webhook_retry_unit: Duration,
    /// `RECAPTCHA_SECRET`: expected in the form field `secret`.
    pub recaptcha_secret: String,
    /// `RECAPTCHA_HOSTNAME`: the site on which every simulated challenge was solved.
    pub recaptcha_hostname: String,
    /// Who may ask Kakao, Naver and Google, in this order.
    pub oauth_clients: [OauthClient; 3],
    /// `SIMULATORS_STATE_FILE`: payments and identity verifications survive a restart in this JSON-lines file.
    pub state_file: Option<PathBuf>,
    /// The time, for tests that age things.
    pub clock: Clock,
}

/// One relying party's registration; `<P>` stands for KAKAO, NAVER, GOOGLE.
#[derive(Clone)]
pub struct OauthClient {
    /// `OAUTH_<P>_CLIENT_ID`.
    pub client_id: String,
    /// `OAUTH_<P>_CLIENT_SECRET`.
    pub client_secret: String,
    /// `OAUTH_<P>_REDIRECT_URI`, the only one there is.
    pub redirect_uri: String,
}

impl OauthClient {
    fn local(name: &str) -> Self {
        Self {
            client_id: format!("local-{name}-client"),
            client_secret: format!("local-{name}-client-secret"),
            redirect_uri: format!("http://localhost:3000/auth/callback/{name}"),
        }
    }

    fn from_vars(name: &str, given: &dyn Fn(&str) -> Option<String>) -> Self {
        let local = Self::local(name);
        let upper = name.to_uppercase();
        Self {
            client_id: given(&format!("OAUTH_{upper}_CLIENT_ID")).unwrap_or(local.client_id),
            client_secret: given(&format!("OAUTH_{upper}_CLIENT_SECRET")).unwrap_or(local.client_secret),
            redirect_uri: given(&format!("OAUTH_{upper}_REDIRECT_URI")).unwrap_or(local.redirect_uri),
        }
    }
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            portone_api_secret: "local-portone-api-secret-0123456789abcdef".to_owned(),
            portone_store_id: "store-00000000-0000-4000-8000-000000000001".to_owned(),
            portone_channel_key_card: "channel-key-00000000-0000-4000-8000-000000000002".to_owned(),
            portone_webhook_url: "http://127.0.0.1:8080/payments/webhook/portone".to_owned(),
            portone_webhook_secrets: vec!["whsec_bG9jYWwtb25seS1wb3J0b25lLXdlYmhvb2stc2VjcmV0LTMy".to_owned()],
            portone_webhook_retry_unit: Duration::from_secs(1),
            recaptcha_secret: "local-recaptcha-secret".to_owned(),
            recaptcha_hostname: "localhost".to_owned(),
            oauth_clients: ["kakao", "naver", "google"].map(OauthClient::local),
            state_file: None,
            clock: Clock::system(),
        }
    }
}

impl SimulatorConfig {
    /// Reads the variables named at the fields; what is absent or empty keeps its local default.
    ///
    /// Fails, naming the variable, when a number cannot be read.
    pub fn from_vars(vars: &HashMap<String, String>) -> anyhow::Result<Self> {
        let local = Self::default();
        let given = |key: &str| vars.get(key).filter(|value| !value.is_empty()).cloned();

        let mut webhook_secrets =
            given("PORTONE_WEBHOOK_SECRET").map_or(local.portone_webhook_secrets, |secret| vec![secret]);
        webhook_secrets.extend(given("PORTONE_WEBHOOK_SECRET_PREVIOUS"));
        let retry_unit = given("PORTONE_WEBHOOK_RETRY_UNIT_MS")
            .map_or(Ok(local.portone_webhook_retry_unit), |millis| {
                millis.parse().map(Duration::from_millis)
            })
            .context("PORTONE_WEBHOOK_RETRY_UNIT_MS is not a number of milliseconds")?;

        Ok(Self {
            portone_api_secret: given("PORTONE_API_SECRET").unwrap_or(local.portone_api_secret),
            portone_store_id: given("PORTONE_STORE_ID").unwrap_or(local.portone_store_id),
            portone_channel_key_card: given("PORTONE_CHANNEL_KEY_CARD").unwrap_or(local.portone_channel_key_card),
            portone_webhook_url: given("PORTONE_WEBHOOK_URL").unwrap_or(local.portone_webhook_url),
            portone_webhook_secrets: webhook_secrets,
            portone_webhook_retry_unit: retry_unit,
            recaptcha_secret: given("RECAPTCHA_SECRET").unwrap_or(local.recaptcha_secret),
            recaptcha_hostname: given("RECAPTCHA_HOSTNAME").unwrap_or(local.recaptcha_hostname),
            oauth_clients: ["kakao", "naver", "google"].map(|name| OauthClient::from_vars(name, &given)),
            state_file: given("SIMULATORS_STATE_FILE").map(PathBuf::from),
            clock: local.clock,
        })
    }
}
