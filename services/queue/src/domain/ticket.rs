//! Tickets (`design.md` §8.1): a signed copy of a place, kept by its owner. When Redis loses its memory, the tickets of those
//! who keep polling are what the line is rebuilt from.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::{
    config::{ConfigError, Env},
    crypto,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is signed; the names are short because the ticket travels with each poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    /// Whose place it is.
    #[serde(rename = "u")]
    pub(crate) user: Uuid,
    /// For what.
    #[serde(rename = "e")]
    pub(crate) event: Uuid,
    /// The place: microseconds of Redis' clock when it was taken.
    #[serde(rename = "s")]
    pub(crate) score: i64,
    /// The life of Redis' memory in which it was issued.
    #[serde(rename = "n")]
    pub(crate) epoch: i64,
    /// When it was issued, in milliseconds of Redis' clock: only one from just before a loss is worth something.
    #[serde(rename = "i")]
    pub(crate) issued_at_millis: i64,
    /// Waiting or admitted.
    #[serde(rename = "t")]
    pub(crate) state: TicketState,
}

/// What its owner was doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TicketState {
    /// In line.
    #[serde(rename = "W")]
    Waiting,
    /// Admitted, and the grant that says so.
    #[serde(rename = "A")]
    Active {
        /// The grant's id.
        #[serde(rename = "g")]
        grant_id: String,
        /// The reservation token, which its owner has anyway.
        #[serde(rename = "q")]
        token: String,
        /// When the place ends, in milliseconds of Redis' clock.
        #[serde(rename = "x")]
        expires_at_millis: i64,
    },
}

/// The keys of tickets, `QUEUE_TICKET_SECRET` and during rotation `QUEUE_TICKET_SECRET_PREVIOUS`.
#[derive(Clone)]
pub(crate) struct TicketKeys {
    current: SecretString,
    previous: Option<SecretString>,
}

impl TicketKeys {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        const VARIABLE: &str = "QUEUE_TICKET_SECRET";
        Ok(Self {
            current: env.secret(VARIABLE, "local-only-queue-ticket-secret-0123456789")?,
            previous: env.previous_secret(VARIABLE)?,
        })
    }

    /// The ticket as text for its owner.
    pub(crate) fn sign(&self, ticket: &Ticket) -> Result<String, serde_json::Error> {
        let payload = serde_json::to_vec(ticket)?;
        let mac = mac(&self.current, &payload);
        Ok(format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(&payload),
            BASE64_URL_SAFE_NO_PAD.encode(mac)
        ))
    }

    /// The ticket of that text, if we signed it.
    pub(crate) fn verify(&self, text: &str) -> Option<Ticket> {
        let (payload, signature) = text.split_once('.')?;
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        let ours = std::iter::once(&self.current)
            .chain(&self.previous)
            .any(|key| crypto::constant_time_eq(&mac(key, &payload), &signature));
        if !ours {
            return None;
        }
        serde_json::from_slice(&payload).ok()
    }
}

fn mac(key: &SecretString, payload: &[u8]) -> [u8; 32] {
    crypto::hmac_sha256(key.expose_secret().as_bytes(), &[b"queue-ticket-v1", payload])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(pairs: &[(&str, &str)]) -> TicketKeys {
        TicketKeys::from_env(&Env::from_pairs(pairs.iter().copied()).unwrap()).unwrap()
    }

    fn ticket() -> Ticket {
        Ticket {
            user: Uuid::now_v7(),
            event: Uuid::now_v7(),
            score: 1_795_386_138_572_740,
            epoch: 3,
            issued_at_millis: 1_795_386_138_600,
            state: TicketState::Active {
                grant_id: "g".to_owned(),
                token: "qr_x".to_owned(),
                expires_at_millis: 1_795_386_738_600,
            },
        }
    }

    #[test]
    fn a_ticket_comes_back_as_it_was_signed() {
        let keys = keys(&[]);
        assert_eq!(
            keys.verify(&keys.sign(&ticket()).unwrap()).unwrap().score,
            ticket().score
        );
    }

    #[test]
    fn a_changed_ticket_is_worth_nothing() {
        let keys = keys(&[]);
        let text = keys.sign(&ticket()).unwrap();
        let (payload, signature) = text.split_once('.').unwrap();
        let forged = Ticket { score: 1, ..ticket() };
        let forged = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&forged).unwrap());
        for bad in [
            format!("{forged}.{signature}"),
            payload.to_owned(),
            format!("{payload}."),
            String::new(),
        ] {
            assert_eq!(keys.verify(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_former_key_is_accepted_during_rotation() {
        let text = keys(&[("QUEUE_TICKET_SECRET", "old")]).sign(&ticket()).unwrap();
        let rotated = keys(&[("QUEUE_TICKET_SECRET", "new"), ("QUEUE_TICKET_SECRET_PREVIOUS", "old")]);
        assert!(rotated.verify(&text).is_some());
        assert!(keys(&[("QUEUE_TICKET_SECRET", "new")]).verify(&text).is_none());
    }
}
