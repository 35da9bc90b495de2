//! Tokens that were verified before. A client sends the same token with each of its requests, and looking it up takes a
//! fraction of the time of reading and verifying it. What may change while a token lives is looked at each time all the same:
//! the time, the keys, and (in Redis) whether its session was ended.

use super::authenticate::Session;
use chrono::{DateTime, Utc};
use common::jwt::{KeysInUse, TokenError, TokenVerifier};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

/// So many tokens are surely kept, and up to twice as many for a while: 3 MB per thread.
const KEPT: usize = 2048;

/// A verifier with a memory.
pub(crate) struct KnownTokens {
    verifier: TokenVerifier,
    known: Mutex<Known>,
}

struct Known {
    /// The keys under which they were verified.
    keys: KeysInUse,
    /// Those of late. When there are too many they become the old ones, and the old ones are forgotten.
    young: HashMap<Box<[u8]>, Verified, BySignature>,
    old: HashMap<Box<[u8]>, Verified, BySignature>,
}

type BySignature = BuildHasherDefault<EndOfToken>;

/// Tokens end in their signature, which is as random as a hash, and only our own stand in the map: nobody can choose ones
/// that fall together.
#[derive(Default)]
struct EndOfToken(u64);

#[expect(clippy::cast_possible_truncation, reason = "halves of a product")]
impl Hasher for EndOfToken {
    fn write(&mut self, token: &[u8]) {
        // The length before it is shorter, and hashes nothing.
        if let Some((_, end)) = token.split_last_chunk::<16>() {
            let (low, high) = (
                u128::from_le_bytes(*end) as u64,
                (u128::from_le_bytes(*end) >> 64) as u64,
            );
            // Letters differ in few of their bits; this spreads them over all.
            let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xd6e8_feb8_6659_fd93);
            self.0 = (product as u64) ^ (product >> 64) as u64;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Clone)]
struct Verified {
    session: Arc<Session>,
    end: DateTime<Utc>,
}

impl KnownTokens {
    pub(crate) fn new(verifier: TokenVerifier) -> Self {
        let known = Known {
            keys: verifier.keys_in_use(),
            young: HashMap::default(),
            old: HashMap::default(),
        };
        Self {
            verifier,
            known: Mutex::new(known),
        }
    }

    /// The token's session, if it is a live access token of ours.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(crate) fn session(&self, token: &[u8]) -> Result<Arc<Session>, TokenError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before the token is verified: what is verified under newer keys is then only verified once too often.
        let keys = self.verifier.keys_in_use();
        if known.keys != keys {
            *known = Known {
                keys,
                young: HashMap::default(),
                old: HashMap::default(),
            };
        }
        if let Some(verified) = known.find(token) {
            self.verifier.check_end(verified.end)?;
            return Ok(verified.session);
        }
        let token = std::str::from_utf8(token).map_err(|_| TokenError::Invalid)?;
        let claims = self.verifier.verify(token)?;
        let end = DateTime::from_timestamp(claims.exp, 0).ok_or(TokenError::Invalid)?;
        let session = Arc::new(Session::new(&claims, token));
        known.keep(
            token.as_bytes().into(),
            Verified {
                session: Arc::clone(&session),
                end,
            },
        );
        Ok(session)
    }
}

impl Known {
    fn find(&mut self, token: &[u8]) -> Option<Verified> {
        if let Some(verified) = self.young.get(token) {
            return Some(verified.clone());
        }
        let (token, verified) = self.old.remove_entry(token)?;
        self.keep(token, verified.clone());
        Some(verified)
    }

    fn keep(&mut self, token: Box<[u8]>, verified: Verified) {
        if self.young.len() >= KEPT {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(token, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use common::{
        Clock,
        config::Env,
        identity::Role,
        jwt::{JwtConfig, TokenIssuer},
    };
    use uuid::Uuid;

    fn config() -> JwtConfig {
        JwtConfig::from_env(&Env::from_pairs::<String, String>([]).unwrap()).unwrap()
    }

    #[test]
    fn a_known_token_ends_when_it_ends_and_a_changed_one_is_not_known() {
        let clock = Clock::adjustable();
        let tokens = KnownTokens::new(TokenVerifier::new(&config(), clock.clone()));
        let issuer = TokenIssuer::new(config(), clock.clone());
        let (token, claims) = issuer.issue(Uuid::now_v7(), Role::User, Uuid::now_v7()).unwrap();
        for _ in 0..2 {
            assert_eq!(tokens.session(token.as_bytes()).unwrap().user.id, claims.sub);
        }
        let other = if token.as_bytes()[60] == b'x' { 'y' } else { 'x' };
        let changed = format!("{}{other}{}", &token[..60], &token[61..]);
        assert_eq!(tokens.session(changed.as_bytes()).unwrap_err(), TokenError::Invalid);
        clock.advance(TimeDelta::seconds(3601));
        assert_eq!(tokens.session(token.as_bytes()).unwrap_err(), TokenError::Expired);
    }

    #[test]
    fn those_in_use_stay_and_the_number_is_bounded() {
        let tokens = KnownTokens::new(TokenVerifier::new(&config(), Clock::system()));
        let issuer = TokenIssuer::new(config(), Clock::system());
        let issue = || issuer.issue(Uuid::now_v7(), Role::User, Uuid::now_v7()).unwrap().0;
        let used = issue();
        let first = tokens.session(used.as_bytes()).unwrap();
        for _ in 0..KEPT * 3 {
            tokens.session(issue().as_bytes()).unwrap();
            assert!(Arc::ptr_eq(&first, &tokens.session(used.as_bytes()).unwrap()));
        }
        let known = tokens.known.lock().unwrap();
        assert!(known.young.len() + known.old.len() <= 2 * KEPT);
    }
}
