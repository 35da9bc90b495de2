//! Guards of what messages do (I3): each takes effect once, and neither a late one nor a stranger's undoes a sale.

use super::{Edit, Fault};

pub(super) const FAULTS: &[Fault] = &[
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
];
