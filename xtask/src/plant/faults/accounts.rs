//! Guards of accounts and sessions, also against a Redis that forgets (I7).

use super::{Edit, Fault};

pub(super) const FAULTS: &[Fault] = &[
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
