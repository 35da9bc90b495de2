//! Guards of the money (I2): what is unknown is not failed, one refund, and nobody pays for other seats than he gets.

use super::{Edit, Fault};

pub(super) const FAULTS: &[Fault] = &[
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
];
