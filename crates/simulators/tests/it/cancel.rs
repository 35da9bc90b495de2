use reqwest::Method;
use serde_json::json;

use crate::helpers::{PRICE, World, answer};

#[tokio::test]
async fn without_an_amount_everything_is_given_back() {
    let world = World::start().await;
    world.paid("p1").await;
    let whole = json!({ "reason": "changed my mind", "currentCancellableAmount": PRICE, "requester": "CUSTOMER" });
    let reply = world.cancel("p1", &whole).await.ok();
    let cancellation = &reply["cancellation"];
    assert_eq!(cancellation["status"], "SUCCEEDED");
    assert_eq!(cancellation["totalAmount"], PRICE);
    assert_eq!(cancellation["taxFreeAmount"], 0);
    assert_eq!(cancellation["vatAmount"], 10_000);
    assert_eq!(cancellation["reason"], "changed my mind");
    assert_eq!(cancellation["trigger"], "API");
    assert!(cancellation["id"].is_string() && cancellation["requestedAt"].is_string());
    assert!(cancellation["cancelledAt"].is_string());
    assert_eq!(world.get("p1").await.ok()["status"], "CANCELLED");
}

#[tokio::test]
async fn parts_add_up_and_the_balance_is_guarded() {
    let world = World::start().await;
    world.paid("p1").await;
    world
        .cancel(
            "p1",
            &json!({ "reason": "r", "amount": 30_000, "currentCancellableAmount": PRICE }),
        )
        .await
        .ok();

    let too_much = world.cancel("p1", &json!({ "reason": "r", "amount": PRICE })).await;
    assert_eq!(too_much.error(), (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"));
    let stale = world
        .cancel(
            "p1",
            &json!({ "reason": "r", "amount": 1, "currentCancellableAmount": PRICE }),
        )
        .await;
    assert_eq!(stale.error(), (409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"));
    assert_eq!(world.get("p1").await.ok()["amount"]["cancelled"], 30_000);

    let rest = json!({ "reason": "r", "currentCancellableAmount": PRICE - 30_000 });
    assert_eq!(
        world.cancel("p1", &rest).await.ok()["cancellation"]["totalAmount"],
        PRICE - 30_000
    );
}

#[tokio::test]
async fn a_wholly_cancelled_payment_is_not_cancelled_again() {
    let world = World::start().await;
    world.paid("p1").await;
    world.cancel("p1", &json!({ "reason": "r" })).await.ok();
    let again = world
        .cancel("p1", &json!({ "reason": "r", "currentCancellableAmount": PRICE }))
        .await;
    assert_eq!(again.error(), (409, "PAYMENT_ALREADY_CANCELLED"));
}

#[tokio::test]
async fn what_was_not_paid_is_not_cancelled() {
    let world = World::start().await;
    let body = json!({ "reason": "r" });
    assert_eq!(world.cancel("p1", &body).await.error(), (404, "PAYMENT_NOT_FOUND"));
    world.pre_register("p1").await.ok();
    assert_eq!(world.cancel("p1", &body).await.error(), (404, "PAYMENT_NOT_FOUND"));
    world.window("p1", &json!({ "outcome": "PAY" })).await.ok();
    assert_eq!(world.cancel("p1", &body).await.error(), (409, "PAYMENT_NOT_PAID"));
    world.window("p1", &json!({ "outcome": "FAIL" })).await.ok();
    assert_eq!(world.cancel("p1", &body).await.error(), (409, "PAYMENT_NOT_PAID"));
}

#[tokio::test]
async fn tax_free_parts_are_guarded_of_their_own() {
    let world = World::start().await;
    let mixed = json!({ "totalAmount": 20_000, "taxFreeAmount": 9_000 });
    answer(world.portone(Method::POST, "/payments/p1/pre-register").json(&mixed))
        .await
        .ok();
    let window = world.window("p1", &json!({ "outcome": "PAY" })).await.ok();
    world
        .confirm(
            "p1",
            &json!({ "paymentToken": window["paymentToken"], "taxFreeAmount": 9_000 }),
        )
        .await
        .ok();

    for (body, error) in [
        (
            json!({ "reason": "r", "amount": 9_500, "taxFreeAmount": 9_500 }),
            "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
        ),
        (
            json!({ "reason": "r", "amount": 100, "taxFreeAmount": 50, "vatAmount": 51 }),
            "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT",
        ),
        (
            json!({ "reason": "r", "amount": 11_001 }),
            "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT",
        ),
    ] {
        assert_eq!(world.cancel("p1", &body).await.error(), (409, error), "{body}");
    }
    let whole = world.cancel("p1", &json!({ "reason": "r" })).await.ok();
    assert_eq!(whole["cancellation"]["taxFreeAmount"], 9_000);
    assert_eq!(world.get("p1").await.ok()["amount"]["cancelledTaxFree"], 9_000);
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused() {
    let world = World::start().await;
    world.paid("p1").await;
    for body in [
        json!({}),
        json!({ "reason": " " }),
        json!({ "reason": "r", "amount": 0 }),
        json!({ "reason": "r", "amount": i64::MIN }),
        json!({ "reason": "r", "requester": "NOBODY" }),
        json!({ "reason": "r", "cancelAmount": 1 }),
    ] {
        assert_eq!(
            world.cancel("p1", &body).await.error(),
            (400, "INVALID_REQUEST"),
            "{body}"
        );
    }
    let refused = world.cancel("p1", &json!({ "reason": "r", "amount": i64::MAX })).await;
    assert_eq!(refused.error(), (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"));
    assert_eq!(world.get("p1").await.ok()["status"], "PAID");
}

#[tokio::test]
async fn of_many_whole_cancels_at_once_one_gives_back() {
    let world = World::start().await;
    world.paid("p1").await;
    let body = json!({ "reason": "r" });
    let (a, b, c) = tokio::join!(
        world.cancel("p1", &body),
        world.cancel("p1", &body),
        world.cancel("p1", &body)
    );
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
    assert_eq!(world.get("p1").await.ok()["amount"]["cancelled"], PRICE);
}

#[tokio::test]
async fn a_requested_cancellation_ends_later_and_is_announced_twice() {
    let world = World::start().await;
    world.paid("p1").await;
    world
        .faults(json!({ "portone": { "cancel": { "requestedRate": 1, "requestedForMs": 150 } } }))
        .await;
    let reply = world.cancel("p1", &json!({ "reason": "r" })).await.ok();
    let cancellation = &reply["cancellation"];
    assert_eq!(cancellation["status"], "REQUESTED");
    assert!(cancellation.get("cancelledAt").is_none() && cancellation.get("pgCancellationId").is_none());

    let pending = world.get("p1").await.ok();
    assert_eq!(
        (&pending["status"], &pending["amount"]["cancelled"]),
        (&json!("PAID"), &json!(0))
    );
    assert_eq!(pending["cancellations"][0]["status"], "REQUESTED");
    assert!(pending.get("cancelledAt").is_none());
    let row = &world.ledger().await[0];
    assert_eq!((&row["cancelled"], &row["requested"]), (&json!(0), &json!(PRICE)));
    // What is on its way back cannot be given back a second time.
    let again = world.cancel("p1", &json!({ "reason": "r" })).await;
    assert_eq!(again.error(), (409, "PAYMENT_ALREADY_CANCELLED"));

    world.inbox.wait_for(4).await;
    let expected = [
        "Transaction.CancelPending",
        "Transaction.Cancelled",
        "Transaction.Paid",
        "Transaction.Ready",
    ];
    assert_eq!(world.inbox.events(), expected);
    let done = world.get("p1").await.ok();
    assert_eq!(
        (&done["status"], &done["amount"]["cancelled"]),
        (&json!("CANCELLED"), &json!(PRICE))
    );
    assert!(done["cancellations"][0]["cancelledAt"].is_string() && done["cancelledAt"].is_string());
    let row = &world.ledger().await[0];
    assert_eq!((&row["cancelled"], &row["requested"]), (&json!(PRICE), &json!(0)));
}

#[tokio::test]
async fn a_requested_cancellation_that_fails_leaves_the_balance() {
    let world = World::start().await;
    world.paid("p1").await;
    let never = json!({ "requestedRate": 1, "requestedForMs": 3_600_000 });
    world.faults(json!({ "portone": { "cancel": never } })).await;
    let part = json!({ "reason": "r", "amount": 30_000 });
    world.cancel("p1", &part).await.ok();
    let stale = json!({ "reason": "r", "currentCancellableAmount": PRICE });
    let refused = world.cancel("p1", &stale).await;
    assert_eq!(refused.error(), (409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"));

    let settle = json!({ "outcome": "FAILED" });
    let path = "/portone/payments/p1/cancellations";
    let settled = world.control(Method::POST, path, &settle).await.ok();
    assert_eq!(settled["settled"], 1);
    assert_eq!(world.control(Method::POST, path, &settle).await.ok()["settled"], 0);
    let failed = world.get("p1").await.ok();
    assert_eq!(
        (&failed["status"], &failed["cancellations"][0]["status"]),
        (&json!("PAID"), &json!("FAILED"))
    );

    world.faults(json!({})).await;
    let whole = world.cancel("p1", &stale).await.ok();
    assert_eq!(whole["cancellation"]["totalAmount"], PRICE);
    assert_eq!(world.get("p1").await.ok()["status"], "CANCELLED");
}

#[tokio::test]
async fn the_console_may_have_to_wait_too() {
    let world = World::start().await;
    world.paid("p1").await;
    let by_hand = json!({ "amount": 1_000, "requestedForMs": 50 });
    let reply = world
        .control(Method::POST, "/portone/payments/p1/cancel", &by_hand)
        .await
        .ok();
    assert_eq!(reply["cancellation"]["status"], "REQUESTED");
    assert_eq!(reply["cancellation"]["trigger"], "CONSOLE");
    world.inbox.wait_for(4).await;
    assert_eq!(world.get("p1").await.ok()["status"], "PARTIAL_CANCELLED");
}
