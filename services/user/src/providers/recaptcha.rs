use super::Client;
use crate::config::{ProvidersConfig, RecaptchaConfig};
use common::problem::{Code, Problem};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;

/// Google's check of reCAPTCHA v2 tokens. A token is good for two minutes and one check, whichever of our routes makes it;
/// Google enforces that.
pub(crate) struct Recaptcha {
    config: RecaptchaConfig,
    client: Client,
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    hostname: Option<String>,
    #[serde(rename = "error-codes", default)]
    error_codes: Vec<String>,
}

impl Recaptcha {
    pub(crate) fn new(config: RecaptchaConfig, providers: ProvidersConfig) -> anyhow::Result<Self> {
        Ok(Self {
            config,
            client: Client::new("recaptcha", providers.timeout, providers.pause)?,
        })
    }

    /// Lets pass who solved a captcha on our site.
    pub(crate) async fn verify(&self, token: &str, client_address: Option<&str>) -> Result<(), Problem> {
        let failed = || Problem::new(Code::CaptchaFailed);
        if token.is_empty() || token.len() > 4096 {
            return Err(failed().field("captchaToken", "is not a captcha token"));
        }
        let mut form = vec![("secret", self.config.secret.expose_secret()), ("response", token)];
        form.extend(client_address.map(|address| ("remoteip", address)));
        let request = self.client.post(&self.config.verify_url).form(&form);
        // The status is 200 whatever the verdict.
        let (_, body) = self.client.ask(request, &[StatusCode::OK]).await?;
        let verdict: Verdict = serde_json::from_slice(&body).map_err(|_| self.client.nonsense())?;
        match (verdict.success, verdict.hostname.as_deref()) {
            (true, Some(hostname)) if hostname == self.config.hostname => return Ok(()),
            // A captcha that was solved was solved somewhere.
            (true, None) => return Err(self.client.nonsense()),
            _ => {}
        }
        // These say that our own settings are wrong, which no visitor can mend.
        if verdict.error_codes.iter().any(|code| code.ends_with("input-secret")) {
            return Err(Problem::unavailable("recaptcha", &"our secret is refused"));
        }
        tracing::info!(captcha.errors = ?verdict.error_codes, captcha.success = verdict.success, "a captcha was not passed");
        Err(failed())
    }
}
