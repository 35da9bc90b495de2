use std::path::PathBuf;
use std::time::Duration;

use crate::{Clock, vars::Vars};

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

    fn from_vars(name: &str, vars: &Vars) -> Self {
        let local = Self::local(name);
        let variable = |what: &str| format!("OAUTH_{}_{what}", name.to_uppercase());
        Self {
            // The services have no default for it in production, so the reference tells none.
            client_id: vars.optional(&variable("CLIENT_ID")).unwrap_or(local.client_id),
            client_secret: vars.secret(&variable("CLIENT_SECRET"), local.client_secret),
            redirect_uri: vars.text(&variable("REDIRECT_URI"), &local.redirect_uri),
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
    pub fn from_vars(vars: &Vars) -> anyhow::Result<Self> {
        const WEBHOOK_SECRET: &str = "PORTONE_WEBHOOK_SECRET";
        let local = Self::default();
        let mut webhook_secrets = vec![vars.secret(WEBHOOK_SECRET, local.portone_webhook_secrets.concat())];
        webhook_secrets.extend(vars.previous(WEBHOOK_SECRET));
        Ok(Self {
            portone_api_secret: vars.secret("PORTONE_API_SECRET", local.portone_api_secret),
            portone_store_id: vars.text("PORTONE_STORE_ID", &local.portone_store_id),
            portone_channel_key_card: vars.text("PORTONE_CHANNEL_KEY_CARD", &local.portone_channel_key_card),
            portone_webhook_url: vars.text("PORTONE_WEBHOOK_URL", &local.portone_webhook_url),
            portone_webhook_secrets: webhook_secrets,
            portone_webhook_retry_unit: Duration::from_millis(vars.millis("PORTONE_WEBHOOK_RETRY_UNIT_MS", 1000)?),
            recaptcha_secret: vars.secret("RECAPTCHA_SECRET", local.recaptcha_secret),
            recaptcha_hostname: vars.text("RECAPTCHA_HOSTNAME", &local.recaptcha_hostname),
            oauth_clients: ["kakao", "naver", "google"].map(|name| OauthClient::from_vars(name, vars)),
            state_file: vars.optional("SIMULATORS_STATE_FILE").map(PathBuf::from),
            clock: local.clock,
        })
    }
}
