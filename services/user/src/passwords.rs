//! bcrypt takes a quarter of a second of a core on purpose. It runs on blocking threads, at most as many at once as there
//! are cores, so that a rush of logins makes logins wait and nothing else.

use crate::domain::Password;
use anyhow::Context;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes and verifies passwords; cheap to clone.
#[derive(Clone)]
pub(crate) struct Passwords {
    cost: u32,
    in_flight: Arc<Semaphore>,
    /// The hash of a password nobody knows: verified against when there is no account, so that the time tells nothing.
    decoy: Arc<str>,
}

impl Passwords {
    pub(crate) async fn new(cost: u32, in_flight: usize) -> anyhow::Result<Self> {
        let unknown = common::crypto::random_token("");
        let decoy = tokio::task::spawn_blocking(move || bcrypt::hash(unknown, cost)).await??;
        Ok(Self {
            cost,
            in_flight: Arc::new(Semaphore::new(in_flight)),
            decoy: decoy.into(),
        })
    }

    /// The hash to store. bcrypt would cut longer passwords; [`Password`] has at most the 72 bytes that it reads.
    pub(crate) async fn hash(&self, password: Password) -> anyhow::Result<String> {
        let cost = self.cost;
        self.on_a_blocking_thread(move || bcrypt::hash(password.expose(), cost))
            .await
    }

    /// Whether `candidate` is the password of `hash`; without a hash it takes as long and is false.
    pub(crate) async fn verify(&self, candidate: String, hash: Option<String>) -> anyhow::Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let candidate = Password::as_hashed(candidate);
        // bcrypt cuts a longer text, which could then match a password that is only its beginning, and reads a text over and
        // over with a null in between, so that a password repeated that way would match too.
        let readable = candidate.len() <= Password::MAX_BYTES && !candidate.contains('\0');
        let matches = self
            .on_a_blocking_thread(move || bcrypt::verify(candidate, &hash))
            .await?;
        Ok(matches && known && readable)
    }

    /// The permit goes along with the work: a client that hangs up cannot stop bcrypt, and must not make room for more.
    async fn on_a_blocking_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> bcrypt::BcryptResult<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let permit = Arc::clone(&self.in_flight).acquire_owned().await?;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await?.context("bcrypt")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_text_that_only_begins_with_the_password_does_not_match() {
        let passwords = Passwords::new(4, 1).await.unwrap();
        let longest = format!("Aa1!{}", "x".repeat(68));
        let hash = passwords.hash(Password::parse(longest.clone()).unwrap()).await.unwrap();
        assert!(passwords.verify(longest.clone(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(format!("{longest}more"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn a_password_repeated_after_a_null_does_not_match() {
        let passwords = Passwords::new(4, 1).await.unwrap();
        let hash = passwords
            .hash(Password::parse("Passw0rd!".into()).unwrap())
            .await
            .unwrap();
        let repeated = "Passw0rd!\0Passw0rd!".to_owned();
        assert!(!passwords.verify(repeated, Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_makes_no_room_before_its_hash_is_done() {
        let passwords = Passwords::new(4, 1).await.unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let hanging = passwords.on_a_blocking_thread(move || {
            let _ = released.recv();
            Ok(())
        });
        let gave_up = tokio::time::timeout(Duration::from_millis(20), hanging).await;
        assert!(gave_up.is_err());
        assert_eq!(passwords.in_flight.available_permits(), 0, "its thread is still busy");
        drop(release);
        let _next = passwords.in_flight.acquire().await.unwrap();
    }

    #[tokio::test]
    async fn without_an_account_nothing_matches() {
        let passwords = Passwords::new(4, 1).await.unwrap();
        assert!(!passwords.verify("Passw0rd!".into(), None).await.unwrap());
    }
}
