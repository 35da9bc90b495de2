use crate::config::RecaptchaConfig;
use common::problem::{Code, Problem};
use secrecy::ExposeSecret;
use serde::Deserialize;

/// Google's check of reCAPTCHA v2 tokens. A token is good for two minutes and one check, which Google enforces.
pub(crate) struct Recaptcha {
    config: RecaptchaConfig,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    hostname: Option<String>,
    #[serde(rename = "error-codes", default)]
    error_codes: Vec<String>,
}

impl Recaptcha {
    pub(crate) fn new(config: RecaptchaConfig) -> anyhow::Result<Self> {
        Ok(Self {
            config,
            http: super::http_client()?,
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
        let unavailable = |error: reqwest::Error| Problem::unavailable("recaptcha", &error.without_url());
        let response = self
            .http
            .post(&self.config.verify_url)
            .form(&form)
            .send()
            .await
            .map_err(unavailable)?;
        let response = response.error_for_status().map_err(unavailable)?;
        let verdict: Verdict = response.json().await.map_err(unavailable)?;
        if verdict.success && verdict.hostname.as_deref() == Some(self.config.hostname.as_str()) {
            return Ok(());
        }
        // These say that our own settings are wrong, which no visitor can mend.
        if verdict.error_codes.iter().any(|code| code.ends_with("input-secret")) {
            return Err(Problem::unavailable("recaptcha", &"our secret is refused"));
        }
        tracing::info!(captcha.errors = ?verdict.error_codes, captcha.success = verdict.success, "a captcha was not passed");
        Err(failed())
    }
}
