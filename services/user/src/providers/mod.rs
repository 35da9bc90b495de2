//! Third parties that vouch for a visitor. Both fail closed: when they cannot be asked, nobody gets in (503).

pub(crate) mod identity;
pub(crate) mod recaptcha;

use std::time::Duration;

/// A visitor waits for this; longer and they would have gone.
const TIMEOUT: Duration = Duration::from_secs(5);

fn http_client() -> reqwest::Result<reqwest::Client> {
    common::lifecycle::install_tls_provider();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
