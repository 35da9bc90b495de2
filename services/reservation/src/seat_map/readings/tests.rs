use super::*;
use common::problem::Code;
use std::{
    pin::Pin,
    task::{Context, Waker},
};
use test_support::eventually;
use tokio::sync::{mpsc, oneshot};

const EVENT: Uuid = Uuid::nil();
const SOON: Duration = Duration::from_secs(20);

/// Hands each reading to the test, which says how it ends.
struct Hand(mpsc::UnboundedSender<Begun>);

type Begun = oneshot::Sender<ApiResult<u32>>;

impl Source for Hand {
    type Ready = ();
    type Found = u32;

    async fn prepare(&self) -> ApiResult<()> {
        Ok(())
    }

    async fn read(&self, (): (), _: Uuid) -> ApiResult<u32> {
        let (begun, end) = oneshot::channel();
        self.0.send(begun).unwrap();
        end.await.expect("planted: a reading panics")
    }
}

fn readings() -> (Readings<Hand>, mpsc::UnboundedReceiver<Begun>) {
    let (sender, begun) = mpsc::unbounded_channel();
    (Readings::new(Hand(sender)), begun)
}

/// One who has asked and waits.
type Asker<'a> = Pin<Box<dyn Future<Output = ApiResult<u32>> + 'a>>;

fn ask(readings: &Readings<Hand>) -> Asker<'_> {
    let mut asker: Asker<'_> = Box::pin(readings.ask(EVENT));
    let polled = asker.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    asker
}

async fn told(asker: Asker<'_>) -> Result<u32, Code> {
    let outcome = tokio::time::timeout(SOON, asker).await.unwrap();
    outcome.map_err(|problem| problem.code())
}

async fn next(begun: &mut mpsc::UnboundedReceiver<Begun>) -> Begun {
    tokio::time::timeout(SOON, begun.recv()).await.unwrap().unwrap()
}

async fn nothing_is_left(readings: &Readings<Hand>) {
    eventually("the event is forgotten", SOON, async || {
        readings.0.lock().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_asks_while_a_reading_is_under_way_is_told_by_the_next_one() {
    let (readings, mut begun) = readings();
    let before: Vec<Asker<'_>> = (0..100).map(|_| ask(&readings)).collect();
    let first = next(&mut begun).await;
    let meanwhile: Vec<Asker<'_>> = (0..100).map(|_| ask(&readings)).collect();
    first.send(Ok(1)).unwrap();
    for asker in before {
        assert_eq!(told(asker).await, Ok(1));
    }
    next(&mut begun).await.send(Ok(2)).unwrap();
    for asker in meanwhile {
        assert_eq!(told(asker).await, Ok(2));
    }
    nothing_is_left(&readings).await;
    assert!(begun.try_recv().is_err(), "two readings served all");
}

#[tokio::test]
async fn readings_of_one_event_begin_apart() {
    let (readings, mut begun) = readings();
    let started = Instant::now();
    let first = ask(&readings);
    let reading = next(&mut begun).await;
    let second = ask(&readings);
    reading.send(Ok(1)).unwrap();
    next(&mut begun).await.send(Ok(2)).unwrap();
    assert!(started.elapsed() >= APART, "{:?}", started.elapsed());
    assert_eq!((told(first).await, told(second).await), (Ok(1), Ok(2)));
}

#[tokio::test]
async fn who_hangs_up_takes_nothing_from_the_others() {
    let (readings, mut begun) = readings();
    let (gone, stays) = (ask(&readings), ask(&readings));
    let reading = next(&mut begun).await;
    drop(gone);
    reading.send(Ok(1)).unwrap();
    assert_eq!(told(stays).await, Ok(1));
}

#[tokio::test]
async fn a_reading_that_nobody_waits_for_any_more_does_not_stop_the_next_one() {
    let (readings, mut begun) = readings();
    let gone = ask(&readings);
    let mut hangs = next(&mut begun).await;
    let stays = ask(&readings);
    drop(gone);
    next(&mut begun).await.send(Ok(2)).unwrap();
    assert_eq!(told(stays).await, Ok(2));
    hangs.closed().await;

    let gone = ask(&readings);
    let mut hangs = next(&mut begun).await;
    drop(gone);
    tokio::time::timeout(SOON, hangs.closed()).await.unwrap();
    nothing_is_left(&readings).await;
}

#[tokio::test]
async fn a_failure_is_told_to_those_who_waited_for_it_and_to_nobody_else() {
    let (readings, mut begun) = readings();
    let (first, second) = (ask(&readings), ask(&readings));
    let reading = next(&mut begun).await;
    let third = ask(&readings);
    reading.send(Err(Problem::new(Code::ServiceUnavailable))).unwrap();
    assert_eq!(told(first).await, Err(Code::ServiceUnavailable));
    assert_eq!(told(second).await, Err(Code::ServiceUnavailable));
    next(&mut begun).await.send(Ok(2)).unwrap();
    assert_eq!(told(third).await, Ok(2));
}

#[tokio::test]
async fn a_panic_leaves_nobody_waiting() {
    let (readings, mut begun) = readings();
    let first = ask(&readings);
    let reading = next(&mut begun).await;
    let second = ask(&readings);
    drop(reading);
    assert_eq!(told(first).await, Err(Code::Internal));
    assert_eq!(told(second).await, Err(Code::Internal));
    let third = ask(&readings);
    next(&mut begun).await.send(Ok(3)).unwrap();
    assert_eq!(told(third).await, Ok(3));
}
