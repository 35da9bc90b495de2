use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::store::Grant;
use super::{Lie, OauthProvider, Site};

impl Site {
    /// The ID token of a grant, or what the lies in force make of it.
    pub(super) fn id_token(&self, grant: &Grant, access_token: &str) -> anyhow::Result<String> {
        let keys = self.simulators.oauth.keys(self.provider);
        let (alg, kid) = match () {
            () if self.lies(Lie::AlgNone) => ("none", keys.current_name()),
            () if self.lies(Lie::AlgHs256) => ("HS256", keys.current_name()),
            () if self.lies(Lie::UnknownKid) => ("RS256", "nobody-knows".to_owned()),
            () => ("RS256", keys.current_name()),
        };
        let mut header = json!({ "alg": alg, "typ": "JWT", "kid": kid });
        if self.lies(Lie::NoKid) {
            remove(&mut header, "kid");
        }
        if self.lies(Lie::CriticalHeader) {
            header["crit"] = json!(["b64"]);
            header["b64"] = json!(true);
        }
        let message = format!("{}.{}", encode(&header), encode(&self.claims(grant, access_token)));
        let signature = match alg {
            "none" => Vec::new(),
            "HS256" => hs256(keys.current_modulus().as_bytes(), message.as_bytes())?,
            _ => keys.sign(message.as_bytes(), !self.lies(Lie::WrongSignature))?,
        };
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn claims(&self, grant: &Grant, access_token: &str) -> Value {
        let client = &self.simulators.client(self.provider).client_id;
        let now = self.simulators.config.clock.now().timestamp();
        let person = &grant.person;
        let mut claims = match self.provider {
            OauthProvider::Google => json!({
                "iss": "https://accounts.google.com",
                "azp": client,
                "at_hash": at_hash(access_token),
                "email_verified": person.email_verified,
                "name": person.name,
            }),
            // No `email_verified`: the email is there only if it is good.
            OauthProvider::Kakao | OauthProvider::Naver => json!({
                "iss": "https://kauth.kakao.com",
                "auth_time": now,
                "nickname": person.nickname,
            }),
        };
        claims["sub"] = json!(person.id());
        claims["aud"] = json!(client);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + 3600);
        claims["nonce"] = json!(grant.nonce);
        let shown = self.provider == OauthProvider::Google || (person.email_verified && person.email_valid);
        claims["email"] = json!(person.email.as_ref().filter(|_| shown));
        self.bend(&mut claims, now);
        // What nobody told is not there, rather than null.
        if let Some(members) = claims.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        claims
    }

    fn bend(&self, claims: &mut Value, now: i64) {
        let client = claims["aud"].clone();
        let bends = [
            (Lie::WrongAudience, "aud", json!("another-client")),
            (Lie::ManyAudiences, "aud", json!([client, "another-client"])),
            (Lie::ManyAudiences, "azp", Value::Null),
            (Lie::WrongAzp, "azp", json!("another-client")),
            (Lie::WrongIssuer, "iss", json!("https://accounts.example.com")),
            (Lie::BareIssuer, "iss", json!("accounts.google.com")),
            (Lie::WrongNonce, "nonce", json!("of-another-login")),
            (Lie::NoNonce, "nonce", Value::Null),
            (Lie::Expired, "exp", json!(now - 300)),
            (Lie::StringExpiry, "exp", json!((now + 3600).to_string())),
            (Lie::Old, "iat", json!(now - 3600)),
            (Lie::FromTheFuture, "iat", json!(now + 3600)),
            (Lie::WrongAtHash, "at_hash", json!(at_hash("another-token"))),
            (Lie::NoSubject, "sub", json!("")),
        ];
        for (lie, claim, value) in bends {
            if self.lies(lie) {
                claims[claim] = value;
            }
        }
    }
}

/// The left half of the access token's hash (OpenID Connect Core §3.1.3.6).
fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token.as_bytes())[..16])
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn hs256(key: &[u8], message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mac = Hmac::<Sha256>::new_from_slice(key)?;
    Ok(mac.chain_update(message).finalize().into_bytes().to_vec())
}

fn remove(value: &mut Value, member: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(member);
    }
}
