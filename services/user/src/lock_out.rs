//! Bad passwords (`design.md` §3.1): five for one email from one address stop that address for it for a quarter of an hour, a
//! hundred from anywhere stop the email for a day. Nobody can lock a rival out with a handful of tries, and nobody can guess
//! on and on from many addresses. Emails without an account are counted alike.
//!
//! An attempt is counted *before* the password is looked at and taken back if it was right: a hundred guesses at once are no
//! more than a hundred one after the other. So the attempt that reaches the limit is still judged, and the next is stopped,
//! whatever its password. Attempts that are stopped do not count.
//!
//! The counts are rows of PostgreSQL, not Redis keys: all replicas share them, a login needs PostgreSQL anyway, and there is
//! no state in which it works and the counts do not; losing Redis would have given every guesser a new start. Their keys are
//! keyed hashes.
//!
//! Who may die where: between counting and judging, the attempt stays counted as a bad one, also when a client hangs up. A
//! crash of PostgreSQL may forget the last fraction of a second.

use crate::{config::LockOutConfig, db, personal_data::Keyring};
use common::{
    address::customer_of,
    problem::{Code, Problem},
};
use sqlx::{Connection, PgConnection};
use std::{net::IpAddr, time::Duration};

/// Counts bad passwords; cheap to clone.
#[derive(Clone)]
pub(crate) struct LockOut {
    keyring: Keyring,
    limits: LockOutConfig,
}

/// An attempt that was counted as a bad password until it turns out to be none.
pub(crate) struct Counted {
    from_here: [u8; 32],
    from_anywhere: [u8; 32],
}

/// Whether a password is looked at.
pub(crate) enum Verdict {
    Judge(Counted),
    /// Not for so long.
    Stopped(Duration),
}

impl LockOut {
    pub(crate) fn new(keyring: Keyring, limits: LockOutConfig) -> Self {
        Self { keyring, limits }
    }

    /// Counts an attempt, before its password is looked at.
    pub(crate) async fn count(
        &self,
        connection: &mut PgConnection,
        email_hash: &[u8; 32],
        address: Option<&str>,
    ) -> sqlx::Result<Verdict> {
        let limits = &self.limits;
        let counted = self.keys(email_hash, address);
        // Always in this order: two attempts never wait for each other.
        let counts = [
            (&counted.from_here, limits.per_address, limits.per_address_span),
            (&counted.from_anywhere, limits.per_account, limits.per_account_span),
        ];
        let mut transaction = connection.begin().await?;
        db::set_lazy_commit(&mut transaction).await?;
        for (key, limit, span) in counts {
            if !db::login_failures::count(&mut transaction, key, limit, span).await? {
                let remaining = db::login_failures::remaining(&mut transaction, key).await?;
                transaction.rollback().await?;
                return Ok(Verdict::Stopped(remaining));
            }
        }
        transaction.commit().await?;
        Ok(Verdict::Judge(counted))
    }

    /// The password was right: the address begins anew, and of all the others' failures none is forgotten.
    pub(crate) async fn take_back(&self, connection: &mut PgConnection, counted: &Counted) -> sqlx::Result<()> {
        db::login_failures::reset(connection, &counted.from_here).await?;
        db::login_failures::uncount(connection, &counted.from_anywhere).await
    }

    /// The owner has proven who they are by other means and the old password is gone: everybody begins anew.
    pub(crate) async fn forgive(
        &self,
        connection: &mut PgConnection,
        email_hash: &[u8; 32],
        address: Option<&str>,
    ) -> sqlx::Result<()> {
        let keys = self.keys(email_hash, address);
        db::login_failures::reset(connection, &keys.from_here).await?;
        db::login_failures::reset(connection, &keys.from_anywhere).await
    }

    fn keys(&self, email_hash: &[u8; 32], address: Option<&str>) -> Counted {
        let network = network(address);
        Counted {
            from_here: self.keyring.attempts_hash(email_hash, Some(&network)),
            from_anywhere: self.keyring.attempts_hash(email_hash, None),
        }
    }
}

/// What is told to whoever is stopped, whatever the password and whether or not there is such an account.
pub(crate) fn stopped(remaining: Duration) -> Problem {
    // Whole seconds, rounded up: who comes back in time is let in.
    let seconds = Duration::from_secs(remaining.as_secs() + 1);
    Problem::new(Code::AccountLocked)
        .detail("There were too many attempts")
        .retry_after(seconds)
}

/// Whom an address stands for.
fn network(address: Option<&str>) -> String {
    let address = address.and_then(|text| text.parse::<IpAddr>().ok());
    address.map_or_else(|| "unknown".to_owned(), |address| customer_of(address).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customers_ipv6_addresses_are_one() {
        assert_eq!(network(Some("2001:db8::1")), network(Some("2001:db8::ffff:2")));
        assert_ne!(network(Some("2001:db8::1")), network(Some("2001:db8:0:1::1")));
        assert_eq!(network(Some("::ffff:203.0.113.7")), network(Some("203.0.113.7")));
        assert_ne!(network(Some("203.0.113.7")), network(Some("203.0.113.8")));
    }
}
