//! Guards of the waiting line (I6), which stand in its scripts.

use super::{Edit, Fault};

/// The histories and races that look for what any of the guards prevents.
const TESTS: &[&str] = &[
    "-p",
    "queue-service",
    "--lib",
    "--",
    "any_history",
    "order",
    "admission",
    "silence",
    "grants",
];

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "admissions-bucket",
        what: "the burst, beyond which the bucket of admissions keeps nothing",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "math.min(burst, tokens + elapsed * rate / 1000000)",
            to: "(tokens + elapsed * rate / 1000000)",
        }],
        tests: TESTS,
    },
    Fault {
        name: "places-cap",
        what: "the number of places that may be taken at once",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "max_active - active, ",
            to: "",
        }],
        tests: TESTS,
    },
    Fault {
        name: "front-of-the-line",
        what: "the front, where admission takes from the line",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "redis.call('ZRANGE', LINE, 0, room",
            to: "redis.call('ZREVRANGE', LINE, 0, room",
        }],
        tests: TESTS,
    },
    Fault {
        name: "same-microsecond",
        what: "the next score for who comes within the same microsecond",
        edits: &[Edit {
            file: "services/queue/lua/enter.lua",
            from: "math.max(t, last + 1)",
            to: "math.max(t, last)",
        }],
        tests: TESTS,
    },
    Fault {
        name: "back-once",
        what: "the mark of who went back to the line once",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "redis.call('SISMEMBER', RETURNED, user) == 0",
            to: "true",
        }],
        tests: TESTS,
    },
    Fault {
        name: "outage-of-ticks",
        what: "the new grace after a pause of the ticks",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "if elapsed > STALL then",
            to: "if false then",
        }],
        tests: TESTS,
    },
    Fault {
        name: "sales-known",
        what: "the comparison of the sales so far with those when the seats were counted",
        edits: &[Edit {
            file: "services/queue/lua/admit.lua",
            from: "not stale and ",
            to: "",
        }],
        tests: TESTS,
    },
    Fault {
        name: "grant-of-a-message",
        what: "the comparison of the grant before a place is ended by a message",
        edits: &[Edit {
            file: "services/queue/lua/release.lua",
            from: " or grant.id ~= id",
            to: "",
        }],
        tests: TESTS,
    },
];
