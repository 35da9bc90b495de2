use super::{Bench, Standing, place};
use crate::domain::{Ticket, TicketState};
use uuid::Uuid;

fn ticket(bench: &Bench, user: Uuid, score: i64, state: TicketState) -> Ticket {
    Ticket {
        user,
        event: bench.event,
        score,
        epoch: 1,
        issued_at_millis: 0,
        state,
    }
}

async fn flush(bench: &Bench) {
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut bench.line.connection())
        .await
        .unwrap();
}

#[tokio::test]
async fn tickets_give_back_the_original_order() {
    let bench = Bench::new(&[]).await;
    let mut tickets = Vec::new();
    for _ in 0..20 {
        let user = Uuid::new_v4();
        let score = place(bench.enter(user).await).score;
        tickets.push(ticket(&bench, user, score, TicketState::Waiting));
    }
    flush(&bench).await;
    let newcomer = Uuid::new_v4();
    place(bench.enter(newcomer).await);
    for ticket in tickets.iter().rev() {
        bench
            .line
            .restore(ticket, bench.limits.session, None, None)
            .await
            .unwrap();
    }
    for (index, ticket) in tickets.iter().enumerate() {
        let Standing::Waiting(place) = bench.poll(ticket.user).await else {
            panic!("not waiting")
        };
        assert_eq!((place.position, place.score), (index as u64 + 1, ticket.score));
    }
    assert!(matches!(bench.poll(newcomer).await, Standing::Waiting(place) if place.position == 21));
}

#[tokio::test]
async fn an_active_place_comes_back_with_its_grant_and_token() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let grant = bench.grant(user).await;
    let state = TicketState::Active {
        grant_id: grant.id.clone(),
        token: grant.token.clone(),
        expires_at_millis: grant.expires_at.timestamp_millis(),
    };
    let ticket = ticket(&bench, user, grant.score, state);
    flush(&bench).await;
    let seen = bench
        .line
        .restore(&ticket, bench.limits.session, None, None)
        .await
        .unwrap();
    assert_eq!(seen.value, Standing::Admitted(grant));
    assert_eq!(
        bench.tick(bench.tick_order()).await.active,
        1,
        "it counts against the cap"
    );
}

#[tokio::test]
async fn a_place_taken_meanwhile_wins_over_the_ticket() {
    let bench = Bench::new(&[]).await;
    let user = Uuid::new_v4();
    let score = place(bench.enter(user).await).score;
    let old = ticket(&bench, user, score - 1_000_000, TicketState::Waiting);
    let seen = bench
        .line
        .restore(&old, bench.limits.session, None, None)
        .await
        .unwrap();
    assert!(matches!(seen.value, Standing::Waiting(place) if place.score == score));
}

#[tokio::test]
async fn who_left_after_the_loss_does_not_come_back_by_an_old_ticket() {
    let bench = Bench::new(&[]).await;
    let user = Uuid::new_v4();
    let score = place(bench.enter(user).await).score;
    bench.line.leave(bench.event, user).await.unwrap();
    let old = ticket(&bench, user, score, TicketState::Waiting);
    let seen = bench
        .line
        .restore(&old, bench.limits.session, None, None)
        .await
        .unwrap();
    assert!(matches!(seen.value, Standing::Absent(Some(_))));
}

#[tokio::test]
async fn a_ticket_moves_who_asked_without_it_forward_and_nobody_else() {
    let bench = Bench::new(&[]).await;
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    let ahead = place(bench.enter(other).await).score;
    let score = place(bench.enter(user).await).score;
    let old = ticket(&bench, user, ahead - 1, TicketState::Waiting);
    let restored = async |ticket: &Ticket, at_the_end| {
        let seen = bench
            .line
            .restore(ticket, bench.limits.session, None, at_the_end)
            .await
            .unwrap();
        match seen.value {
            Standing::Waiting(place) => (place.score, place.position),
            other => panic!("not waiting: {other:?}"),
        }
    };
    // Left and came again since: the place at the end was another one.
    assert_eq!(restored(&old, Some(score - 1)).await, (score, 2));
    let newer = ticket(&bench, user, score + 1, TicketState::Waiting);
    assert_eq!(restored(&newer, Some(score)).await, (score, 2));
    let ended = TicketState::Active {
        grant_id: "g".to_owned(),
        token: "qr_g".to_owned(),
        expires_at_millis: 1,
    };
    let worthless = ticket(&bench, user, ahead - 1, ended);
    assert_eq!(restored(&worthless, Some(score)).await, (score, 2));
    assert_eq!(restored(&old, Some(score)).await, (ahead - 1, 1));
    // It is alive at its new place.
    let outcome = bench.tick(bench.tick_order()).await;
    assert_eq!((outcome.admitted, outcome.evicted), (2, 0));
    bench.grant(user).await;
}
