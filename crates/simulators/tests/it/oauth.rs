use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};

use crate::helpers::{Answer, World, answer};

// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Site {
    name: &'static str,
    authorize: &'static str,
    token: &'static str,
    profile: &'static str,
    keys: &'static str,
}

const KAKAO: Site = Site {
    name: "kakao",
    authorize: "/kakao/oauth/authorize",
    token: "/kakao/oauth/token",
    profile: "/kakao/v2/user/me",
    keys: "/kakao/.well-known/jwks.json",
};
const NAVER: Site = Site {
    name: "naver",
    authorize: "/naver/oauth2.0/authorize",
    token: "/naver/oauth2.0/token",
    profile: "/naver/v1/nid/me",
    keys: "",
};
const GOOGLE: Site = Site {
    name: "google",
    authorize: "/google/o/oauth2/v2/auth",
    token: "/google/token",
    profile: "/google/v1/userinfo",
    keys: "/google/oauth2/v3/certs",
};
const SITES: [Site; 3] = [KAKAO, NAVER, GOOGLE];

type Pairs = Vec<(&'static str, String)>;

fn set(pairs: &mut Pairs, name: &'static str, value: &str) {
    pairs.retain(|(key, _)| *key != name);
    if !value.is_empty() {
        pairs.push((name, value.to_owned()));
    }
}

impl Site {
    fn redirect_uri(&self) -> String {
        format!("http://localhost:3000/auth/callback/{}", self.name)
    }

    fn begin(&self) -> Pairs {
        vec![
            ("client_id", format!("local-{}-client", self.name)),
            ("redirect_uri", self.redirect_uri()),
            ("response_type", "code".to_owned()),
            ("state", "the-state".to_owned()),
            ("scope", "openid email".to_owned()),
            ("nonce", "the-nonce".to_owned()),
            ("code_challenge", CHALLENGE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    /// Where the browser goes from the provider's page, with the parameters it takes along; or the page's status.
    async fn agree(&self, world: &World, query: &Pairs) -> Result<HashMap<String, String>, u16> {
        let browser = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let page = world.request(Method::GET, self.authorize).query(query).build().unwrap();
        let reply = browser.execute(page).await.unwrap();
        if reply.status() != 302 {
            return Err(reply.status().as_u16());
        }
        let back = Url::parse(reply.headers()["location"].to_str().unwrap()).unwrap();
        assert!(back.as_str().starts_with(&self.redirect_uri()));
        Ok(back.query_pairs().into_owned().collect())
    }

    async fn code(&self, world: &World) -> String {
        let back = self.agree(world, &self.begin()).await.unwrap();
        assert_eq!(back["state"], "the-state");
        back["code"].clone()
    }

    fn exchange(&self, code: &str) -> Pairs {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", format!("local-{}-client", self.name)),
            ("client_secret", format!("local-{}-client-secret", self.name)),
            ("redirect_uri", self.redirect_uri()),
            ("state", "the-state".to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
            ("code", code.to_owned()),
        ]
    }

    async fn tokens(&self, world: &World, form: &Pairs) -> Answer {
        answer(world.request(Method::POST, self.token).form(form)).await
    }

    /// The tokens of somebody who agrees.
    async fn signed_in(&self, world: &World) -> Value {
        let code = self.code(world).await;
        self.tokens(world, &self.exchange(&code)).await.ok()
    }

    async fn profile(&self, world: &World, tokens: &Value) -> Answer {
        let bearer = tokens["access_token"].as_str().unwrap();
        answer(world.request(Method::GET, self.profile).bearer_auth(bearer)).await
    }

    async fn next_user(&self, world: &World, person: Value) {
        let path = format!("/oauth/{}/next-user", self.name);
        assert_eq!(world.control(Method::PUT, &path, &person).await.status, 204);
    }

    /// The claims of an ID token, if one of the published keys made it.
    async fn claims(&self, world: &World, tokens: &Value) -> Option<Value> {
        let mut parts = tokens["id_token"].as_str().unwrap().split('.');
        let mut next = || parts.next().unwrap();
        let (header, claims, signature) = (next(), next(), next());
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let kid = serde_json::from_slice::<Value>(&bytes(header)).unwrap()["kid"].clone();
        let keys = answer(world.request(Method::GET, self.keys)).await.ok();
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid)?;
        let component = |name: &str| bytes(key[name].as_str().unwrap());
        let key = RsaPublicKeyComponents {
            n: component("n"),
            e: component("e"),
        };
        let message = format!("{header}.{claims}");
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &bytes(signature))
            .ok()?;
        serde_json::from_slice(&bytes(claims)).ok()
    }
}

#[tokio::test]
async fn who_agrees_comes_back_with_a_code_that_is_good_once() {
    let world = World::start().await;
    for site in SITES {
        site.next_user(
            &world,
            json!({ "id": 5_000_000_000_u64, "email": "a@b.kr", "name": "김하나" }),
        )
        .await;
        let code = site.code(&world).await;
        let tokens = site.tokens(&world, &site.exchange(&code)).await.ok();
        let profile = site.profile(&world, &tokens).await.ok();
        let id = match site.name {
            "kakao" => profile["id"].clone(),
            "naver" => profile["response"]["id"].clone(),
            _ => profile["sub"].clone(),
        };
        let expected = if site.name == "kakao" {
            json!(5_000_000_000_u64)
        } else {
            json!("5000000000")
        };
        assert_eq!(id, expected);
        let again = site.tokens(&world, &site.exchange(&code)).await;
        assert!(again.body["error"].is_string(), "{}", again.body);
    }
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = World::start().await;
    for site in SITES {
        for (name, value) in [
            ("redirect_uri", "http://localhost:3000/auth/callback/evil"),
            ("redirect_uri", &format!("{}/", site.redirect_uri())),
            ("client_id", "another-client"),
        ] {
            let mut query = site.begin();
            set(&mut query, name, value);
            assert!(
                site.agree(&world, &query).await.unwrap_err() >= 400,
                "{} {name}",
                site.name
            );
        }
    }
}

#[tokio::test]
async fn what_the_page_cannot_do_is_told_to_the_redirect_uri() {
    let world = World::start().await;
    let refused = async |site: &Site, name, value| {
        let mut query = site.begin();
        set(&mut query, name, value);
        site.agree(&world, &query).await.unwrap()["error"].clone()
    };
    assert_eq!(
        refused(&KAKAO, "response_type", "token").await,
        "unsupported_response_type"
    );
    assert_eq!(refused(&NAVER, "state", "").await, "invalid_request");
    assert_eq!(refused(&GOOGLE, "scope", "").await, "invalid_request");
    assert_eq!(
        refused(&KAKAO, "code_challenge_method", "plain").await,
        "invalid_request"
    );
    KAKAO
        .next_user(&world, json!({ "id": 1, "denies": "access_denied" }))
        .await;
    let back = KAKAO.agree(&world, &KAKAO.begin()).await.unwrap();
    assert_eq!(
        (back["error"].as_str(), back["state"].as_str()),
        ("access_denied", "the-state")
    );
    assert!(!back.contains_key("code"));
}

#[tokio::test]
async fn a_code_is_only_for_who_it_was_made_for() {
    let world = World::start().await;
    for (site, name, value, expected) in [
        (&KAKAO, "client_secret", "wrong", (401, "KOE010")),
        (&KAKAO, "redirect_uri", "http://localhost:3000/", (400, "KOE303")),
        (&KAKAO, "code", "unknown", (400, "KOE320")),
        (&KAKAO, "code_verifier", "", (400, "KOE320")),
        (&GOOGLE, "client_id", "another", (401, "invalid_client")),
        (
            &GOOGLE,
            "redirect_uri",
            "http://localhost:3000/",
            (400, "redirect_uri_mismatch"),
        ),
        (&GOOGLE, "code_verifier", CHALLENGE, (400, "invalid_grant")),
        (&NAVER, "client_secret", "wrong", (401, "invalid_client")),
        // Naver says no with status 200.
        (&NAVER, "code", "unknown", (200, "invalid_request")),
        (&NAVER, "state", "another", (200, "invalid_request")),
    ] {
        let code = site.code(&world).await;
        let mut form = site.exchange(&code);
        set(&mut form, name, value);
        let reply = site.tokens(&world, &form).await;
        let own = reply.body["error_code"].as_str().or(reply.body["error"].as_str());
        assert_eq!((reply.status, own.unwrap()), expected, "{} {name}", site.name);
    }
    let code = KAKAO.code(&world).await;
    world.pass_time(601);
    assert_eq!(KAKAO.tokens(&world, &KAKAO.exchange(&code)).await.status, 400);
}

#[tokio::test]
async fn naver_speaks_as_naver_does() {
    let world = World::start().await;
    NAVER
        .next_user(&world, json!({ "id": "abc", "nickname": "하나" }))
        .await;
    let code = NAVER.code(&world).await;
    let by_query = world.request(Method::GET, NAVER.token).query(&NAVER.exchange(&code));
    let tokens = answer(by_query).await.ok();
    assert_eq!(tokens["expires_in"], "3600", "a number in quotes");
    assert!(tokens.get("id_token").is_none());
    let profile = NAVER.profile(&world, &tokens).await.ok();
    assert_eq!(profile["resultcode"], "00");
    assert_eq!(profile["response"], json!({ "id": "abc", "nickname": "하나" }));
    let nothing = answer(world.request(Method::GET, NAVER.profile)).await;
    assert_eq!((nothing.status, &nothing.body["resultcode"]), (401, &json!("028")));
    let unknown = NAVER.profile(&world, &json!({ "access_token": "x" })).await;
    assert_eq!((unknown.status, &unknown.body["errorCode"]), (401, &json!("024")));
}

#[tokio::test]
async fn kakao_tells_whether_an_email_is_good() {
    let world = World::start().await;
    let person = json!({ "id": 7, "email": "a@b.kr", "emailValid": false, "nickname": "하나" });
    KAKAO.next_user(&world, person).await;
    let tokens = KAKAO.signed_in(&world).await;
    let account = KAKAO.profile(&world, &tokens).await.ok()["kakao_account"].clone();
    assert_eq!(account["email"], "a@b.kr");
    assert_eq!(account["is_email_valid"], false);
    assert_eq!(account["profile"]["nickname"], "하나");
    let claims = KAKAO.claims(&world, &tokens).await.unwrap();
    assert!(claims.get("email").is_none(), "the ID token has good ones only");
    let unknown = KAKAO.profile(&world, &json!({ "access_token": "x" })).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (401, &json!(-401)));
    let bad = world
        .control(Method::PUT, "/oauth/kakao/next-user", &json!({ "id": "abc" }))
        .await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn an_id_token_says_who_for_whom_and_in_which_login() {
    let world = World::start().await;
    for (site, issuer) in [
        (&KAKAO, "https://kauth.kakao.com"),
        (&GOOGLE, "https://accounts.google.com"),
    ] {
        site.next_user(&world, json!({ "id": "12", "email": "a@b.kr", "emailVerified": true }))
            .await;
        let tokens = site.signed_in(&world).await;
        let claims = site.claims(&world, &tokens).await.unwrap();
        assert_eq!(claims["iss"], issuer);
        assert_eq!(claims["aud"], format!("local-{}-client", site.name));
        assert_eq!(claims["sub"], "12");
        assert_eq!(claims["nonce"], "the-nonce");
        assert_eq!(claims["email"], "a@b.kr");
        assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
    }
}

#[tokio::test]
async fn keys_rotate_with_and_without_an_overlap() {
    let world = World::start().await;
    let old = GOOGLE.signed_in(&world).await;
    let path = "/oauth/google/rotate-keys";
    let kid = world.control(Method::POST, path, &json!({})).await.ok()["kid"].clone();
    assert_eq!(kid, "google-1");
    assert!(GOOGLE.claims(&world, &old).await.is_some());
    let new = GOOGLE.signed_in(&world).await;
    assert!(GOOGLE.claims(&world, &new).await.is_some());
    world
        .control(Method::POST, path, &json!({ "overlap": false }))
        .await
        .ok();
    assert!(GOOGLE.claims(&world, &new).await.is_none());
}

#[tokio::test]
async fn lies_are_told_until_the_faults_are_cleared() {
    let world = World::start().await;
    let lie = async |lie: &str| {
        world.faults(json!({ "google": { "lies": [lie] } })).await;
        let code = GOOGLE.code(&world).await;
        GOOGLE.tokens(&world, &GOOGLE.exchange(&code)).await
    };
    let claims = GOOGLE.claims(&world, &lie("WRONG_AUDIENCE").await.body).await.unwrap();
    assert_eq!(claims["aud"], "another-client");
    let claims = GOOGLE.claims(&world, &lie("NO_NONCE").await.body).await.unwrap();
    assert!(claims.get("nonce").is_none());
    for unsigned in ["WRONG_SIGNATURE", "UNKNOWN_KID", "ALG_NONE", "ALG_HS256", "NO_KID"] {
        let tokens = lie(unsigned).await.body;
        assert!(GOOGLE.claims(&world, &tokens).await.is_none(), "{unsigned}");
    }
    assert!(lie("NO_ID_TOKEN").await.body.get("id_token").is_none());
    assert!(lie("GARBAGE").await.body.is_string());
    assert_eq!(lie("CLIENT_REFUSED").await.status, 401);
    world.request(Method::DELETE, "/control/faults").send().await.unwrap();
    let tokens = GOOGLE.signed_in(&world).await;
    assert!(GOOGLE.claims(&world, &tokens).await.is_some());
    let unknown = world
        .control(Method::PUT, "/faults", &json!({ "google": { "lies": ["WHITE"] } }))
        .await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn each_provider_is_down_on_its_own() {
    let world = World::start().await;
    for (down, site) in SITES.iter().enumerate() {
        world.faults(json!({ site.name: { "down": true } })).await;
        for (number, other) in SITES.iter().enumerate() {
            let reply = other.tokens(&world, &other.exchange("unknown")).await;
            assert_eq!(
                reply.status == 503,
                number == down,
                "{} while {} is down",
                other.name,
                site.name
            );
        }
    }
}
