//! The questions whose answer must be empty. Each is a file of SQL that returns `subject` and `finding`, headed by what a row
//! of it means and what an operator does about it.

use anyhow::Context;
use sqlx::PgConnection;

use super::{Broken, Row};

struct Check {
    rule: &'static str,
    name: &'static str,
    text: &'static str,
}

macro_rules! checks {
    ($folder:literal, $($rule:ident: $($name:ident),+;)+) => {
        [$($(
            Check {
                rule: stringify!($rule),
                name: stringify!($name),
                text: include_str!(concat!("../../sql/", $folder, "/", stringify!($name), ".sql")),
            },
        )+)+]
    };
}

/// What must not be.
const CHECKS: [Check; 26] = checks! { "audit",
    I1: seat_of_two_reservations, confirmed_without_its_seats, held_without_its_seats, assigned_without_reservation;
    I2: confirmed_without_its_payment, captured_without_a_booking, refund_given_up, refund_contradicts_its_payment,
        payment_forgotten, total_is_not_its_seats;
    I3: message_not_sent, message_not_handled, payment_state_not_projected, seat_map_wrong, claim_wrong, sold_count_wrong,
        saga_not_told, saga_stuck;
    I4: expired_and_pending, seat_kept_after_its_hold, locked_for_a_finished_payment, lock_not_asked_after;
    I5: payment_said_otherwise, reservation_said_otherwise, saga_contradicts_its_payment, live_in_a_closed_event;
};

/// About what something is still to happen.
const MOVING: [Check; 7] = checks! { "moving",
    rest: message, payment, refund, saga, webhook, hold, closing;
};

impl Check {
    /// The head of the file: what a row means, and after `Do:` what an operator does.
    fn head(&self) -> (String, String) {
        let head: Vec<&str> = self
            .text
            .lines()
            .map_while(|line| line.strip_prefix("--").map(str::trim))
            .collect();
        let head = head.join(" ");
        let (meaning, remedy) = head.split_once(" Do: ").unwrap_or((&head, ""));
        (meaning.to_owned(), remedy.to_owned())
    }

    async fn rows(&self, connection: &mut PgConnection) -> anyhow::Result<Vec<Row>> {
        sqlx::query_as(self.text)
            .fetch_all(connection)
            .await
            .with_context(|| format!("cannot ask for {}", self.name))
    }
}

pub(super) async fn broken(connection: &mut PgConnection) -> anyhow::Result<Vec<Broken>> {
    let mut broken = Vec::new();
    for check in CHECKS {
        let rows = check.rows(connection).await?;
        if !rows.is_empty() {
            let (meaning, remedy) = check.head();
            broken.push(Broken {
                rule: check.rule,
                check: check.name,
                meaning,
                remedy,
                rows,
            });
        }
    }
    Ok(broken)
}

pub(super) async fn moving(connection: &mut PgConnection) -> anyhow::Result<Vec<Row>> {
    let mut moving = Vec::new();
    for check in MOVING {
        moving.extend(check.rows(connection).await?);
    }
    Ok(moving)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_says_what_it_means_and_what_to_do() {
        for check in CHECKS {
            let (meaning, remedy) = check.head();
            assert!(meaning.ends_with('.') && remedy.ends_with('.'), "{}", check.name);
        }
    }

    #[test]
    fn every_file_is_a_check() {
        for (folder, checks) in [("audit", CHECKS.as_slice()), ("moving", MOVING.as_slice())] {
            let files = std::fs::read_dir(format!("{}/sql/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            assert_eq!(files.count(), checks.len(), "{folder}");
        }
    }
}
