//! The guards that are removed, one at a time, and the tests that must notice.

use anyhow::{Result, ensure};

/// A guard, how it is removed, and who must notice.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// What is missing then.
    pub(super) what: &'static str,
    pub(super) edits: &'static [Edit],
    /// Arguments of `cargo test`.
    pub(super) tests: &'static [&'static str],
}

/// One change of a file.
#[derive(Debug)]
pub(super) struct Edit {
    /// From the repository's root.
    pub(super) file: &'static str,
    /// Stands in the file exactly once.
    from: &'static str,
    to: &'static str,
}

impl Edit {
    /// The file's text without the guard.
    pub(super) fn planted(&self, healthy: &str) -> Result<String> {
        let times = healthy.matches(self.from).count();
        ensure!(
            times == 1,
            "`{}` stands {times} times in {}, not once; the list of faults is out of date",
            self.from,
            self.file
        );
        Ok(healthy.replacen(self.from, self.to, 1))
    }
}

pub(super) const FAULTS: [Fault; 27] = [
    Fault {
        name: "unique-key",
        what: "what the key of seat_assignments means: a seat that somebody has is not taken over",
        edits: &[
            Edit {
                file: "services/reservation/src/db/holds.rs",
                from: "where assignment.state = 'HELD' and assignment.expires_at <= clock_timestamp()",
                to: "where true",
            },
            Edit {
                file: "services/reservation/src/transitions/hold.rs",
                from: "if taken.iter().any(|(_, from)| from.is_some()) {",
                to: "if taken.is_empty() {",
            },
        ],
        tests: &["-p", "reservation-service", "--", "holds", "hold_races"],
    },
    Fault {
        name: "count-of-seats",
        what: "the comparison of the seats taken with those wanted",
        edits: &[Edit {
            file: "services/reservation/src/transitions/hold.rs",
            from: "if taken.len() < seat_ids.len() {",
            to: "if taken.is_empty() {",
        }],
        tests: &["-p", "reservation-service", "--", "holds", "hold_races"],
    },
    Fault {
        name: "buyers-lock",
        what: "the advisory lock under which limits are counted",
        edits: &[Edit {
            file: "services/reservation/src/db/advisory.rs",
            from: r#"pg_advisory_xact_lock(hashtextextended('buyer:' || $1::uuid || ':' || $2::uuid, 0)) as "buyer!: ()","#,
            to: r#"pg_advisory_xact_lock_shared(hashtextextended('buyer:' || $1::uuid || ':' || $2::uuid, 0)) as "buyer!: ()","#,
        }],
        tests: &["-p", "reservation-service", "--", "holds", "hold_races", "changing"],
    },
    Fault {
        name: "lock-of-an-expired-hold",
        what: "the look at the assignments' expiry when a payment locks them",
        edits: &[Edit {
            file: "services/reservation/src/db/payment_locks.rs",
            from: "where reservation_id = $1 and state = 'HELD' and expires_at > clock_timestamp()",
            to: "where reservation_id = $1 and state = 'HELD'",
        }],
        tests: &["-p", "reservation-service", "--", "payment_locks"],
    },
    Fault {
        name: "amount-in-the-lock",
        what: "the comparison of the payment's amount with the reservation's",
        edits: &[Edit {
            file: "services/reservation/src/domain/decisions.rs",
            from: "(Status::Pending, _) if amount != reservation.total_amount => Err(LockRefusal::AmountMismatch),",
            to: "(Status::Pending, _) if amount > reservation.total_amount => Err(LockRefusal::AmountMismatch),",
        }],
        tests: &[
            "-p",
            "reservation-service",
            "--",
            "payment_lock",
            "decisions",
            "histories",
        ],
    },
    Fault {
        name: "owner-of-a-redis-hold",
        what: "the comparison of the holder before a hold is deleted in Redis",
        edits: &[Edit {
            file: "services/reservation/lua/release_seats.lua",
            from: "if holder and string.sub(holder, -#suffix) == suffix then",
            to: "if holder then",
        }],
        tests: &["-p", "reservation-service", "--", "redis_holds", "rebuild"],
    },
    Fault {
        name: "late-success",
        what: "the finality of a cancelled reservation",
        edits: &[Edit {
            file: "services/reservation/src/domain/decisions.rs",
            from: "(Status::Cancelled, _) => Refuse(ConfirmationFailure::AlreadyCancelled, None),",
            to: "(Status::Cancelled, _) => AlreadyConfirmed,",
        }],
        tests: &["-p", "reservation-service", "--", "messages", "decisions", "histories"],
    },
    Fault {
        name: "timeout-is-failure",
        what: "the difference between an unknown outcome and a failed one",
        edits: &[Edit {
            file: "services/payment/src/confirm/charge.rs",
            from: "_ => Ok(unknown(payment, \"charge\", &error)),",
            to: "_ => match state.settlement.decline(payment.id).await {\n            Ok(payment) => decided(&payment),\n            Err(error) => Ok(unknown(payment, \"charge\", &error)),\n        },",
        }],
        tests: &["-p", "payment-service", "--", "paying"],
    },
    Fault {
        name: "one-refund",
        what: "the key that allows one refund per payment",
        edits: &[Edit {
            file: "migrations/payment/20261122001200_create_refunds.sql",
            from: "        constraint refunds_payment_id_key unique\n",
            to: "",
        }],
        tests: &["-p", "payment-service", "--", "refunding", "messages_in"],
    },
    Fault {
        name: "webhook-signature",
        what: "the comparison of a webhook's signature",
        edits: &[Edit {
            file: "services/payment/src/portone/webhook_signature.rs",
            from: "crypto::constant_time_eq(given, &expected)",
            to: "given.len() == expected.len()",
        }],
        tests: &["-p", "payment-service", "--", "webhook"],
    },
    Fault {
        name: "seats-as-locked",
        what: "the comparison of the locked seats with those paid for",
        edits: &[Edit {
            file: "services/payment/src/confirm/lock.rs",
            from: "if !same_seats(&payment.seat_ids, &lock.seat_ids) {",
            to: "if payment.seat_ids.len() != lock.seat_ids.len() {",
        }],
        tests: &["-p", "payment-service", "--", "paying", "changed"],
    },
    Fault {
        name: "claim-order",
        what: "the order of claims, by which a late message never lowers one",
        edits: &[Edit {
            file: "services/event/src/db/projection.rs",
            from: "            WHERE held.claim < excluded.claim\n",
            to: "",
        }],
        tests: &["-p", "event-service", "--", "projection", "sales"],
    },
    Fault {
        name: "owner-of-a-claim",
        what: "the owner of a claim in the seat projection",
        edits: &[Edit {
            file: "services/event/src/db/projection.rs",
            from: "        seats,\n        reservation_id,\n        claim.as_str(),",
            to: "        seats,\n        Uuid::nil(),\n        claim.as_str(),",
        }],
        tests: &["-p", "event-service", "--", "projection", "sales"],
    },
    Fault {
        name: "inbox",
        what: "the inbox, by which a message takes effect once",
        edits: &[Edit {
            file: "crates/outbox/src/consumer/inbox.rs",
            from: "Ok(result.rows_affected() == 1)",
            to: "Ok(result.rows_affected() <= 1)",
        }],
        tests: &["-p", "outbox", "--", "consumer", "order", "dead_letters"],
    },
    Fault {
        name: "admissions-bucket",
        what: "the burst, beyond which the bucket of admissions keeps nothing",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "math.min(burst, tokens + elapsed * rate / 1000000)",
            to: "(tokens + elapsed * rate / 1000000)",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "places-cap",
        what: "the number of places that may be taken at once",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "max_active - active, ",
            to: "",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "front-of-the-line",
        what: "the front, where admission takes from the line",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "redis.call('ZRANGE', LINE, 0, room",
            to: "redis.call('ZREVRANGE', LINE, 0, room",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "same-microsecond",
        what: "the next score for who comes within the same microsecond",
        edits: &[Edit {
            file: "services/queue/lua/enter.lua",
            from: "math.max(t, last + 1)",
            to: "math.max(t, last)",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "back-once",
        what: "the mark of who went back to the line once",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "and redis.call('SISMEMBER', RETURNED, user) == 0",
            to: "",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "outage-of-ticks",
        what: "the new grace after a pause of the ticks",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "if elapsed > STALL then",
            to: "if false then",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "sales-known",
        what: "the comparison of the sales so far with those when the seats were counted",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "not stale and ",
            to: "",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "grant-of-a-message",
        what: "the comparison of the grant before a place is ended by a message",
        edits: &[Edit {
            file: "services/queue/lua/release.lua",
            from: " or grant.id ~= id",
            to: "",
        }],
        tests: &[
            "-p",
            "queue-service",
            "--lib",
            "--",
            "any_history",
            "order",
            "admission",
            "silence",
            "grants",
        ],
    },
    Fault {
        name: "count-before-judging",
        what: "the limit of bad passwords: guesses beyond it are looked at",
        edits: &[Edit {
            file: "services/user/src/db/login_failures.rs",
            from: "WHERE f.failures < $2 OR f.expires_at <= clock_timestamp()",
            to: "WHERE f.failures < $2 OR TRUE",
        }],
        tests: &["-p", "user-service", "--test", "it", "--", "lock_out"],
    },
    Fault {
        name: "old-password",
        what: "the second look at the password that let in, once the account is locked",
        edits: &[Edit {
            file: "services/user/src/db/accounts.rs",
            from: "AND ($2::text IS NULL OR password_hash = $2)",
            to: "AND ($2::text IS NULL OR $2 = $2)",
        }],
        tests: &["-p", "user-service", "--test", "it", "--", "session_races"],
    },
    Fault {
        name: "lock-before-rotation",
        what: "the account's lock before a refresh token is rotated",
        edits: &[Edit {
            file: "services/user/src/sessions.rs",
            from: "        db::accounts::lock(&mut transaction, owner.user_id).await?;\n",
            to: "",
        }],
        tests: &["-p", "user-service", "--test", "it", "--", "session_races"],
    },
    Fault {
        name: "forgetful-redis",
        what: "the look at whether Redis still knows which sessions have ended",
        edits: &[Edit {
            file: "services/user/src/blacklist.rs",
            from: "if memory.mark().is_some_and(|whole| memory.is_of(whole)) {",
            to: "if !memory.run_ids.is_empty() {",
        }],
        tests: &["-p", "user-service", "--test", "it", "--", "blacklist"],
    },
    Fault {
        name: "verification-once",
        what: "using an identity verification up with a reset of the password",
        edits: &[Edit {
            file: "services/user/src/routes/reset_password.rs",
            from: "    person.use_up(&mut transaction, &app.keyring).await?;\n",
            to: "",
        }],
        tests: &["-p", "user-service", "--test", "it", "--", "reset_password"],
    },
];
