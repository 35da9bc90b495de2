//! Social login through the gateway: a browser, the front end's page, and the providers' simulators.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::crypto::{random_token, sha256};
use reqwest::{Response, Url, redirect::Policy};
use serde_json::{Value, json};
use std::collections::HashMap;
use system_tests::{Part, System};
use test_support::{Api, Reply};

/// A page that keeps a verifier.
struct Page<'a> {
    system: &'a System,
    browser: reqwest::Client,
    verifier: String,
}

impl<'a> Page<'a> {
    fn new(system: &'a System, verifier: String) -> Self {
        let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self {
            system,
            browser,
            verifier,
        }
    }

    /// To the provider, where `person` agrees, and back: what the provider sent the browser back with.
    async fn go(&self, provider: &str, person: &Value) -> HashMap<String, String> {
        let control = format!("/control/oauth/{provider}/next-user");
        let put = self.system.control().put(&control, person).await;
        assert_eq!(put.status, 204);
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(sha256(self.verifier.as_bytes()));
        let gateway = self.system.url(Part::Gateway);
        let there = format!("{gateway}/auth/oauth2/{provider}/authorize?challenge={challenge}");
        let there = location(&self.browser.get(there).send().await.unwrap());
        let back = location(&self.browser.get(there).send().await.unwrap());
        assert!(
            back.as_str().starts_with("http://localhost:3000/auth/callback/"),
            "{back}"
        );
        back.query_pairs().into_owned().collect()
    }

    async fn sign_in(&self, provider: &str, person: &Value) -> Reply {
        let back = self.go(provider, person).await;
        let mut url = Url::parse("http://page").unwrap();
        url.query_pairs_mut()
            .extend_pairs(&back)
            .append_pair("verifier", &self.verifier);
        let query = url.query().unwrap();
        self.system
            .gateway()
            .get(&format!("/auth/oauth2/{provider}/callback?{query}"))
            .await
    }

    async fn link(&self, me: &Api, provider: &str, person: &Value) -> Reply {
        let back = self.go(provider, person).await;
        let body = json!({ "code": back["code"], "state": back["state"], "verifier": self.verifier });
        me.post(&format!("/users/me/social-accounts/{provider}"), &body).await
    }
}

fn location(reply: &Response) -> Url {
    assert_eq!(reply.status(), 302, "{reply:?}");
    Url::parse(reply.headers()["location"].to_str().unwrap()).unwrap()
}

fn token(pair: &Value) -> &str {
    pair["accessToken"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_signs_up_with_one_provider_links_the_others_and_keeps_a_way_in() {
    let system = System::start().await;
    let (kakao, naver, google) = (
        json!({ "id": 4711, "email": "hana@example.com", "nickname": "하나" }),
        json!({ "id": "naver-4711" }),
        json!({ "id": "google-4711" }),
    );
    let page = Page::new(&system, random_token(""));

    let offer = page.sign_in("kakao", &kakao).await.expect(200);
    assert_eq!(offer["profile"]["email"], "hana@example.com");
    let identity = json!({ "name": "김하나", "phone": "01055550001" });
    let identity = system
        .control()
        .post("/control/identity-verifications", &identity)
        .await;
    let signup = json!({
        "signupToken": offer["signupToken"], "phone": "01055550001", "captchaToken": system.captcha(),
        "identityVerificationId": identity.body["identityVerificationId"],
        "agreements": [
            { "type": "SERVICE", "version": "2026-01-11", "agreed": true },
            { "type": "PRIVACY", "version": "2026-01-11", "agreed": true },
        ],
    });
    let pair = system.gateway().post("/auth/oauth2/signup", &signup).await.expect(201);
    let me = system.gateway().with_token(token(&pair));
    let profile = me.get("/users/me").await.expect(200);
    assert_eq!(
        (&profile["name"], &profile["email"]),
        (&json!("김하나"), &json!("hana@example.com"))
    );

    // Each link is begun by a page of this user, and nobody else's login can end in it.
    let mine = format!("{}.{}", random_token(""), profile["id"].as_str().unwrap());
    for (provider, person) in [("naver", &naver), ("google", &google)] {
        let linked = Page::new(&system, mine.clone()).link(&me, provider, person).await;
        assert!(linked.status.is_success(), "{provider}: {linked:?}");
    }
    let again = Page::new(&system, random_token(""))
        .sign_in("naver", &naver)
        .await
        .expect(200);
    let me = system.gateway().with_token(token(&again));
    assert_eq!(me.get("/users/me").await.expect(200)["id"], profile["id"]);

    for provider in ["kakao", "google"] {
        let _unlinked = me
            .delete(&format!("/users/me/social-accounts/{provider}"))
            .await
            .expect(204);
    }
    me.delete("/users/me/social-accounts/naver")
        .await
        .expect_problem(409, "LAST_SIGN_IN_METHOD");
    let stranger = Page::new(&system, random_token(""))
        .sign_in("kakao", &kakao)
        .await
        .expect(200);
    assert!(
        stranger["signupToken"].is_string(),
        "an unlinked account opens nothing: {stranger}"
    );
}
