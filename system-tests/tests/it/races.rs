use system_tests::{Buyer, System};

#[tokio::test(flavor = "multi_thread")]
async fn two_buyers_race_for_each_seat_and_one_gets_it() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 8).await;
    let mut buyers = Vec::new();
    for _ in 0..8 {
        let buyer = Buyer::register(&system).await;
        let token = buyer.queue(&sale).await;
        buyers.push((buyer, token));
    }
    let seats = buyers[0].0.free_seats(&sale, 4).await;

    // Buyers 0 and 1 want seat 0, 2 and 3 want seat 1, and so on, all at once.
    let mut racing = tokio::task::JoinSet::new();
    for (index, (buyer, token)) in buyers.iter().cloned().enumerate() {
        let (seat, sale) = (seats[index / 2], sale.clone());
        racing.spawn(async move { (seat, buyer.try_hold(&sale, &token, &[seat]).await) });
    }
    let replies = racing.join_all().await;
    for seat in seats {
        let mut statuses: Vec<u16> = replies
            .iter()
            .filter(|(wanted, _)| *wanted == seat)
            .map(|(_, reply)| reply.status.as_u16())
            .collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{replies:#?}");
    }
    for (seat, reply) in replies {
        if reply.status.as_u16() == 409 {
            let problem = reply.expect_problem(409, "SEAT_UNAVAILABLE");
            assert_eq!(problem["seatIds"], serde_json::json!([seat]));
        }
    }
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_refused_takes_none_of_the_others_with_it() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let (first, second) = (Buyer::register(&system).await, Buyer::register(&system).await);
    let (first_token, second_token) = (first.queue(&sale).await, second.queue(&sale).await);
    let seats = first.free_seats(&sale, 4).await;
    let _hold = first.hold(&sale, &first_token, &seats[..1]).await;
    second
        .try_hold(&sale, &second_token, &seats[..3])
        .await
        .expect_problem(409, "SEAT_UNAVAILABLE");
    assert_eq!(second.seat_status(&sale, seats[1]).await, "AVAILABLE");
    let _hold = second.hold(&sale, &second_token, &seats[1..4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirming_twice_at_once_charges_once() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, system_tests::Outcome::Pay).await;
    let mut confirming = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (buyer, token) = (buyer.clone(), token.clone());
        confirming.spawn(async move { buyer.confirm(key, &token).await.status.as_u16() });
    }
    let statuses = confirming.join_all().await;
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 202)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&200), "{statuses:?}");
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    let books = system.audit().await;
    assert_eq!(
        books
            .count("SELECT count(*) FROM common.outbox_events WHERE event_type = 'PaymentSuccess'")
            .await,
        1
    );
}
