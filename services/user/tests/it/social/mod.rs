//! Social login, with the providers simulated in this process: what a browser, the front end's page and the service do.

mod authorize;
mod callback;
mod lies;
mod link;
mod outages;
mod races;
mod returning;
mod signup;
mod unlink;

use crate::helpers::{Person, World};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::{
    Clock,
    config::Env,
    context::RequestContext,
    crypto::{random_token, sha256},
    internal_auth::{Service, SigningKey, outgoing_headers},
};
use http::Method;
use reqwest::{Response, Url, redirect::Policy};
use serde_json::{Value, json};
use std::collections::HashMap;
use test_support::Reply;
use uuid::Uuid;

const PROVIDERS: [&str; 3] = ["kakao", "naver", "google"];

/// A page in a browser that keeps a verifier.
struct Page<'a> {
    world: &'a World,
    verifier: String,
}

/// What the provider sent the browser back with.
#[derive(Clone)]
struct Back(HashMap<String, String>);

impl<'a> Page<'a> {
    fn new(world: &'a World) -> Self {
        Self::with_verifier(world, random_token(""))
    }

    fn with_verifier(world: &'a World, verifier: String) -> Self {
        Self { world, verifier }
    }

    /// Whose login can only end in a link to that user.
    fn of_user(world: &'a World, user: Uuid) -> Self {
        Self::with_verifier(world, format!("{}.{user}", random_token("")))
    }

    fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(sha256(self.verifier.as_bytes()))
    }

    /// To the provider, where whoever is there agrees, and back.
    async fn go(&self, provider: &str) -> Back {
        let path = format!("/auth/oauth2/{provider}/authorize?challenge={}", self.challenge());
        let there = location(&get(self.world, &path).await);
        let back = browser().get(there).send().await.unwrap();
        Back(location(&back).query_pairs().into_owned().collect())
    }

    /// The page hands on what the browser came back with.
    async fn come_back(&self, provider: &str, back: &Back) -> Reply {
        let path = format!("/auth/oauth2/{provider}/callback?{}", back.query(&self.verifier));
        self.world.api.get(&path).await
    }

    /// Both.
    async fn sign_in(&self, provider: &str) -> Reply {
        self.come_back(provider, &self.go(provider).await).await
    }

    /// Links as that user.
    async fn link(&self, user: Uuid, provider: &str, back: &Back) -> Reply {
        let body = json!({ "code": back.get("code"), "state": back.get("state"), "verifier": self.verifier });
        let path = format!("/users/me/social-accounts/{provider}");
        self.world.api.as_user(user).post(&path, &body).await
    }
}

impl Back {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Everything that the provider gave, and the verifier.
    fn query(&self, verifier: &str) -> String {
        let mut url = Url::parse("http://page").unwrap();
        url.query_pairs_mut()
            .extend_pairs(&self.0)
            .append_pair("verifier", verifier);
        url.query().unwrap().to_owned()
    }
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().unwrap()
}

/// A reply of the service as it is: a browser's request, and its redirect not followed.
async fn get(world: &World, path: &str) -> Response {
    let key = SigningKey::from_env(&Env::from_pairs::<String, String>([]).unwrap(), Service::Gateway).unwrap();
    let headers = outgoing_headers(&key, &Clock::system(), &Method::GET, path, None, &RequestContext::new());
    let request = browser().get(format!("{}{path}", world.url)).headers(headers);
    request.send().await.unwrap()
}

fn location(reply: &Response) -> Url {
    assert_eq!(reply.status(), 302, "{reply:?}");
    Url::parse(reply.headers()["location"].to_str().unwrap()).unwrap()
}

impl World {
    /// Puts a person in front of the provider's page.
    async fn next_user(&self, provider: &str, person: Value) {
        let url = format!("{}/control/oauth/{provider}/next-user", self.simulators);
        let reply = reqwest::Client::new().put(url).json(&person).send().await.unwrap();
        assert_eq!(reply.status(), 204);
    }

    async fn rotate_keys(&self, provider: &str, overlap: bool) {
        let url = format!("{}/control/oauth/{provider}/rotate-keys", self.simulators);
        let body = json!({ "overlap": overlap });
        let reply = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        assert_eq!(reply.status(), 200);
    }

    /// The token with which whoever is in front of the provider's page may sign up.
    async fn signup_token(&self, provider: &str) -> String {
        let offer = Page::new(self).sign_in(provider).await.expect(200);
        offer["signupToken"].as_str().unwrap().to_owned()
    }

    /// A sign-up that nothing is wrong with.
    async fn signup_body(&self, token: &str, person: &Person) -> Value {
        json!({
            "signupToken": token,
            "phone": person.phone,
            "captchaToken": self.captcha(),
            "identityVerificationId": self.verification(person).await,
            "agreements": [
                { "type": "SERVICE", "version": "2026-01-11", "agreed": true },
                { "type": "PRIVACY", "version": "2026-01-11", "agreed": true },
            ],
        })
    }

    async fn try_signup(&self, token: &str, person: &Person) -> Reply {
        let body = self.signup_body(token, person).await;
        self.api.post("/auth/oauth2/signup", &body).await
    }

    /// Signs up whoever is in front of the provider's page, and gives their id.
    async fn sign_up(&self, provider: &str, person: &Person) -> Uuid {
        let token = self.signup_token(provider).await;
        let pair = self.try_signup(&token, person).await.expect(201);
        owner(&pair)
    }
}

/// A reply of which nothing but the status matters.
#[track_caller]
fn done(reply: Reply, status: u16) {
    let _body = reply.expect(status);
}

/// Whose tokens they are.
fn owner(pair: &Value) -> Uuid {
    let claims = crate::helpers::Tokens::of(pair).claims();
    claims["sub"].as_str().unwrap().parse().unwrap()
}
