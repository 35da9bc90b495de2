//! Guards of the seats (I1, I4, I5): who has one, for how long, and for what payment.

use super::{Edit, Fault};

pub(super) const FAULTS: &[Fault] = &[
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
        name: "late-for-the-reading",
        what: "the end of a reading's guest list: who asks during a reading of the seat map is told by the next one",
        edits: &[Edit {
            file: "services/reservation/src/seat_map/readings.rs",
            from: ".and_then(Option::take)",
            to: ".and_then(|waiting| waiting.clone())",
        }],
        tests: &["-p", "reservation-service", "--", "seat_map"],
    },
];
