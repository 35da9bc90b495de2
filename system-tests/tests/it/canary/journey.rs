//! A buyer's whole stay, and every secret that was told on the way.

use super::{places::Kind, spellings::Secret};
use http::Method;
use serde_json::{Value, json};
use system_tests::{Buyer, System};
use test_support::Api;

/// Nothing like it occurs by chance.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) password: String,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) ci: String,
    di: String,
}

/// What was said so far.
pub(super) struct Journey {
    pub(super) person: Person,
    gateway: Api,
    tokens: (String, String),
    secrets: Vec<Secret>,
}

impl Journey {
    /// Registration, failed and good sign-ins, refresh, changes of profile and password, a reset, and an administrator who
    /// looks at the account.
    pub(super) async fn begin(system: &System) -> Self {
        let person = Person {
            email: "zz.canary.mail@canary-zz.example".into(),
            password: "Zz-canary-passw0rd".into(),
            name: "카나리둘리둘".into(),
            phone: "01097538642".into(),
            ci: "zz+canary/connecting+information==".into(),
            di: "zz-canary-duplication-information".into(),
        };
        let mut journey = Self {
            gateway: system.gateway().with_header("user-agent", "canary/1.0"),
            tokens: (String::new(), String::new()),
            secrets: Vec::new(),
            person: person.clone(),
        };
        for (what, text) in [
            ("the email", person.email.clone()),
            ("the name", person.name.clone()),
            ("the phone", person.phone.clone()),
            ("the phone", "010-9753-8642".into()),
            ("the phone", "+821097538642".into()),
            ("the CI", person.ci.clone()),
            ("the DI", person.di.clone()),
        ] {
            journey.keep(what, &text, true);
        }
        journey.register(system).await;
        journey.sign_in_badly_and_well(system).await;
        journey.change(system).await;
        journey.be_looked_at(system).await;
        journey
    }

    fn keep(&mut self, what: &str, text: &str, guessable: bool) {
        self.secrets.push(Secret {
            what: what.to_owned(),
            text: text.to_owned(),
            guessable,
            allowed: None,
        });
    }

    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.secrets.clone()
    }

    pub(super) fn last_access_token(&self) -> &str {
        &self.tokens.0
    }

    fn captcha(&mut self, system: &System) -> String {
        let token = system.captcha();
        self.keep("a captcha token", &token, false);
        token
    }

    fn password(&mut self, text: &str) -> String {
        self.keep("a password", text, true);
        text.to_owned()
    }

    async fn verification(&mut self, system: &System) -> String {
        let person = &self.person;
        let described = json!({"name": person.name, "phone": person.phone, "ci": person.ci, "di": person.di});
        let reply = system
            .control()
            .post("/control/identity-verifications", &described)
            .await
            .expect(201);
        let id = reply["identityVerificationId"].as_str().unwrap().to_owned();
        self.keep("the id of an identity verification", &id, false);
        id
    }

    /// Remembers a pair and signs with it from now on.
    fn take(&mut self, pair: &Value) {
        let text = |name: &str| pair[name].as_str().unwrap().to_owned();
        let (access, refresh) = (text("accessToken"), text("refreshToken"));
        self.keep("an access token", &access, false);
        // Whoever has the signature has the token: the rest of it can be guessed.
        self.keep("an access token", access.rsplit('.').next().unwrap(), false);
        self.keep("a refresh token", &refresh, false);
        self.tokens = (access, refresh);
    }

    fn signed_in(&self) -> Api {
        self.gateway.with_token(&self.tokens.0)
    }

    async fn register(&mut self, system: &System) {
        let password = self.password(&self.person.password.clone());
        let mut body = json!({
            "email": self.person.email, "password": password, "name": self.person.name, "phone": "010-9753-8642",
            "captchaToken": self.captcha(system), "identityVerificationId": self.verification(system).await,
            "agreements": [
                {"type": "SERVICE", "version": "2026-01-11", "agreed": true},
                {"type": "PRIVACY", "version": "2026-01-11", "agreed": true},
            ],
        });
        // While the verifier is away, then with a field too many, then as it should be, then once more.
        system.faults(&json!({"identity": {"down": true}})).await;
        let down = self.gateway.post("/auth/register", &body).await;
        assert_eq!(down.status, 503, "{down:?}");
        system.no_faults().await;
        body["captchaToken"] = json!(self.captcha(system));
        let mut more = body.clone();
        more[self.person.email.as_str()] = json!(self.person.name);
        assert_eq!(self.gateway.post("/auth/register", &more).await.status, 400);
        let _account = self.gateway.post("/auth/register", &body).await.expect(201);
        body["captchaToken"] = json!(self.captcha(system));
        body["identityVerificationId"] = json!(self.verification(system).await);
        assert_eq!(self.gateway.post("/auth/register", &body).await.status, 409);
    }

    async fn login(&mut self, system: &System, password: &str) -> test_support::Reply {
        let password = self.password(password);
        let body = json!({"email": self.person.email, "password": password, "captchaToken": self.captcha(system)});
        self.gateway.post("/auth/login", &body).await
    }

    async fn sign_in_badly_and_well(&mut self, system: &System) {
        assert_eq!(self.login(system, "Zz-canary-mistaken-passw0rd").await.status, 401);
        let pair = self.login(system, &self.person.password.clone()).await.expect(200);
        self.take(&pair);
        let first = self.tokens.1.clone();
        for _ in 0..2 {
            let refresh = json!({"refreshToken": self.tokens.1});
            let pair = self.gateway.post("/auth/refresh", &refresh).await.expect(200);
            self.take(&pair);
        }
        let reused = self
            .gateway
            .post("/auth/refresh", &json!({"refreshToken": first}))
            .await;
        reused.expect_problem(401, "REFRESH_TOKEN_REUSED");
        self.signed_in()
            .get("/users/me")
            .await
            .expect_problem(401, "TOKEN_REVOKED");
        let forged = format!("{}x", self.tokens.0);
        let refused = self.gateway.with_token(&forged).get("/users/me").await;
        refused.expect_problem(401, "UNAUTHENTICATED");
        let pair = self.login(system, &self.person.password.clone()).await.expect(200);
        self.take(&pair);
    }

    async fn change(&mut self, system: &System) {
        let (name, phone) = ("카나리마이콜", "01086429753");
        self.keep("the name", name, true);
        self.keep("the phone", phone, true);
        let me = self.signed_in();
        let changed = me
            .put("/users/me", &json!({"name": name, "phone": phone}))
            .await
            .expect(200);
        assert_eq!(
            changed["email"],
            self.person.email.as_str(),
            "what is looked for is there"
        );
        assert_eq!(me.put("/users/me", &json!({"name": phone})).await.status, 400);
        let back = json!({"name": self.person.name, "phone": self.person.phone});
        let _me = me.put("/users/me", &back).await.expect(200);
        let new = self.password("Zz-canary-second-passw0rd");
        let change = json!({"currentPassword": self.person.password, "newPassword": new});
        assert_eq!(me.put("/users/me/password", &change).await.status, 204);
        let _history = me.get("/users/me/login-history").await.expect(200);
        let _nothing = me
            .post("/auth/logout", &json!({"refreshToken": self.tokens.1}))
            .await
            .expect(204);

        let third = self.password("Zz-canary-third-passw0rd");
        let reset = json!({
            "identityVerificationId": self.verification(system).await, "captchaToken": self.captcha(system),
            "newPassword": third,
        });
        let reply = self.gateway.post("/auth/password/reset", &reset).await;
        assert_eq!(reply.status, 204, "{reply:?}");
        self.person.password = third.clone();
        let pair = self.login(system, &third).await.expect(200);
        self.take(&pair);
    }

    async fn be_looked_at(&self, system: &System) {
        let admin = system.admin().await;
        let email = self.person.email.replace('@', "%40");
        let found = admin
            .api()
            .get(&format!("/admin/users?email={email}"))
            .await
            .expect(200);
        assert_eq!(found["content"][0]["email"], self.person.email.as_str());
        let id = found["content"][0]["id"].as_str().unwrap();
        let _account = admin.api().get(&format!("/admin/users/{id}")).await.expect(200);
        let refused = self.signed_in().get(&format!("/admin/users?email={email}")).await;
        refused.expect_problem(403, "FORBIDDEN");
    }

    /// Queues, holds and pays, up to the confirmation and its refund.
    pub(super) async fn buy(&mut self, system: &System) {
        let sale = system.admin().await.open_sale(1, 4).await;
        let buyer = Buyer::signed_in(system, &self.tokens.0);
        let token = buyer.queue(&sale).await;
        let seats = buyer.free_seats(&sale, 2).await;
        let hold = buyer.hold(&sale, &token, &seats).await;
        for (what, text) in [
            ("a queue token", &token),
            ("a payment's queue token", &hold.payment_token),
        ] {
            self.secrets.push(Secret {
                what: what.to_owned(),
                text: text.clone(),
                guessable: false,
                // They are bound to a user, and Redis is where they live (`design.md` §6).
                allowed: Some(Kind::Redis),
            });
        }
        let _payment = buyer.pay(&hold).await;
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
        let cancelled = buyer
            .api()
            .delete(&format!("/reservations/{}", hold.reservation_id))
            .await;
        assert_eq!(cancelled.status, 200);
        let _refunded = buyer.wait_for_refund(hold.reservation_id).await;
        system.audit().await;
    }

    pub(super) async fn delete_the_account(&mut self) {
        let body = json!({"password": self.person.password});
        let deleted = self.signed_in().call(Method::DELETE, "/users/me", Some(&body)).await;
        assert_eq!(deleted.status, 204, "{deleted:?}");
        self.signed_in()
            .get("/users/me")
            .await
            .expect_problem(401, "TOKEN_REVOKED");
    }
}
