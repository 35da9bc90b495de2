//! Who the virtual buyers are.
//!
//! Their accounts are inserted by the user service's own code, with one password and one hash, because bcrypt takes a quarter
//! of a second each on purpose; they stay between runs and are found again. Their access tokens are signed by the code and
//! the secret with which the user service signs. A few buyers take the public way, so that it is walked too.

use crate::{client::Call, world::World};
use anyhow::{Context, ensure};
use common::{Clock, config::Env, identity::Role, jwt::JwtConfig, jwt::TokenIssuer};
use serde_json::json;
use user_service::{SeedAccount, seed_accounts};
use uuid::Uuid;

/// The password of every account here.
pub const PASSWORD: &str = "Load-test-1!";

/// A buyer who may call.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user's id.
    pub id: Uuid,
    /// The access token.
    pub token: String,
}

/// Sees that a crowd of that name has `count` accounts and signs a token for each. A load has a crowd of its own, for nobody can
/// wait in two lines, and a load that has just ended leaves buyers behind who closed their tab. The environment is the user service's: its database, keys
/// and `JWT_SECRET`; the tokens live as long as `ACCESS_TOKEN_TTL_SECONDS` says there.
///
/// # Errors
/// When the settings are unusable, in production, or without a database.
pub async fn seed(env: &Env, crowd: &str, count: usize) -> anyhow::Result<Vec<Account>> {
    let people: Vec<SeedAccount> = (0..count)
        .map(|number| SeedAccount {
            email: format!("{crowd}-{number:06}@load.example.com"),
            name: "김부하".to_owned(),
            phone: format!("010{number:08}"),
        })
        .collect();
    let ids = seed_accounts(env, PASSWORD.to_owned(), &people).await?;
    let issuer = TokenIssuer::new(JwtConfig::from_env(env)?, Clock::system());
    ids.into_iter()
        .map(|id| {
            // A session that nobody logged in to: its access tokens are as good as any until they end.
            let (token, _claims) = issuer.issue(id, Role::User, Uuid::now_v7())?;
            Ok(Account { id, token })
        })
        .collect()
}

/// Registers and logs in a new person as a front end does, captcha and identity verification included.
///
/// # Errors
/// When a step is refused.
pub async fn register(world: &World) -> anyhow::Result<Account> {
    let phone = format!("010{:08}", Uuid::new_v4().as_u128() % 100_000_000);
    let email = format!("walk-in-{}@load.example.com", Uuid::now_v7().simple());
    let identity = json!({"name": "김예매", "phone": phone});
    let call = Call::new(
        "POST /control/identity-verifications",
        "/control/identity-verifications",
    )
    .json(&identity);
    let verified = world.simulators().send(call).await?;
    ensure!(verified.is_success(), "no identity verification: {}", verified.status);
    let registration = json!({
        "email": email, "password": PASSWORD, "name": "김예매", "phone": phone, "captchaToken": World::captcha(),
        "identityVerificationId": verified.json()["identityVerificationId"],
        "agreements": [
            {"type": "SERVICE", "version": "2026-01-11", "agreed": true},
            {"type": "PRIVACY", "version": "2026-01-11", "agreed": true},
        ],
    });
    let call = Call::new("POST /auth/register", "/auth/register").json(&registration);
    let account = world.gateway().send(call).await?.expect(201)?.json();
    let id = account["userId"].as_str().context("no userId")?.parse()?;
    let login = json!({"email": email, "password": PASSWORD, "captchaToken": World::captcha()});
    let call = Call::new("POST /auth/login", "/auth/login").json(&login);
    let tokens = world.gateway().send(call).await?.expect(200)?.json();
    let token = tokens["accessToken"].as_str().context("no accessToken")?.to_owned();
    Ok(Account { id, token })
}
