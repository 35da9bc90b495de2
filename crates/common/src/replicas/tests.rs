use super::*;
use std::collections::BTreeMap;

fn replicas(count: u8) -> Replicas {
    let addresses: Vec<String> = (1..=count).map(|number| format!("http://10.0.0.{number}:80")).collect();
    Replicas::new("queue-service", ServiceAddresses::parse(&addresses.join(",")).unwrap())
}

fn pass(replicas: &Replicas, time: Duration) {
    for replica in &replicas.known.load_full().unwrap().members {
        replica.health.pass(time);
    }
}

async fn choose(replicas: &Replicas) -> Chosen<'_> {
    replicas.choose(&[]).await.unwrap().unwrap()
}

fn number(chosen: &Chosen<'_>) -> u8 {
    match chosen.address() {
        SocketAddr::V4(address) => address.ip().octets()[3],
        SocketAddr::V6(_) => 0,
    }
}

/// How many of so many calls that are answered at once go where.
async fn spread(replicas: &Replicas, calls: u32) -> BTreeMap<u8, u32> {
    let mut spread = BTreeMap::new();
    for _ in 0..calls {
        let chosen = choose(replicas).await;
        chosen.succeeded();
        *spread.entry(number(&chosen)).or_default() += 1;
    }
    spread
}

#[tokio::test]
async fn calls_take_turns() {
    assert_eq!(
        spread(&replicas(3), 30).await,
        BTreeMap::from([(1, 10), (2, 10), (3, 10)])
    );
    assert_eq!(spread(&replicas(1), 30).await, BTreeMap::from([(1, 30)]));
}

#[tokio::test]
async fn the_less_busy_of_two_is_chosen() {
    let replicas = replicas(2);
    let mut waiting = Vec::new();
    // Calls of the first one never end; those of the second do.
    for _ in 0..20 {
        let chosen = choose(&replicas).await;
        if number(&chosen) == 1 {
            waiting.push(chosen);
        }
    }
    assert_eq!(waiting.len(), 1, "one call that waits is enough to be the busier one");
    drop(waiting);
    assert_eq!(spread(&replicas, 10).await, BTreeMap::from([(1, 5), (2, 5)]));
}

#[tokio::test]
async fn one_that_is_not_reachable_is_left_out_and_tried_by_one_call() {
    let replicas = replicas(2);
    while number(&choose(&replicas).await) != 1 {}
    choose(&replicas).await.unreachable();
    let left = spread(&replicas, 20).await;
    assert_eq!(left.len(), 1, "{left:?}");
    pass(&replicas, Duration::from_secs(1));
    let trial = choose(&replicas).await;
    assert!(!left.contains_key(&number(&trial)), "its time has come");
    assert_eq!(
        spread(&replicas, 20).await,
        left,
        "nobody else goes there before it has answered"
    );
    trial.succeeded();
    drop(trial);
    assert_eq!(spread(&replicas, 20).await, BTreeMap::from([(1, 10), (2, 10)]));
}

#[tokio::test]
async fn if_all_are_left_out_all_are_called() {
    let replicas = replicas(2);
    let mut tried = Vec::new();
    while let Some(chosen) = replicas.choose(&tried).await.unwrap() {
        chosen.unreachable();
        tried.push(chosen.address());
        pass(&replicas, Duration::from_millis(100));
    }
    assert_eq!(tried.len(), 2, "each once");
    assert_eq!(
        choose(&replicas).await.address(),
        tried[0],
        "the one that has been out for longest"
    );
    choose(&replicas).await.succeeded();
    assert_eq!(spread(&replicas, 5).await.len(), 1, "and whoever answers is in again");
}

#[tokio::test]
async fn a_lone_replica_is_never_left_out() {
    let replicas = replicas(1);
    for _ in 0..20 {
        let chosen = choose(&replicas).await;
        chosen.failed();
        chosen.unreachable();
    }
    let tried = [choose(&replicas).await.address()];
    assert!(replicas.choose(&tried).await.unwrap().is_none());
}

#[tokio::test]
async fn names_are_looked_up_and_what_is_known_of_an_address_stays() {
    let addresses = ServiceAddresses::parse("http://localhost:1,http://127.0.0.2:1").unwrap();
    let replicas = Replicas::new("queue-service", addresses);
    let chosen = choose(&replicas).await;
    assert!(chosen.address().port() == 1);
    let before = replicas.known.load_full().unwrap();
    let after = replicas.look_up(&before.members).await.unwrap();
    assert!(before.members.len() >= 2);
    assert!(
        before
            .members
            .iter()
            .zip(&after.members)
            .all(|(before, after)| Arc::ptr_eq(before, after))
    );
    let nowhere = Replicas::new("queue-service", ServiceAddresses::parse("http://x.invalid:1").unwrap());
    assert!(nowhere.choose(&[]).await.is_err());
}
