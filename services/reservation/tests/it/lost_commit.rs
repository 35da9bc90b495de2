//! A connection that breaks at COMMIT of a hold or a swap: before it reaches the server, or before the reply comes back.

use crate::helpers::{App, uuid};
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
use test_support::{Login, TestEnv};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const PASS: u8 = 0;
const LOSE_COMMIT: u8 = 1;
const LOSE_REPLY: u8 = 2;

/// Stands between the service and its database.
struct Proxy {
    port: u16,
    fault: Arc<AtomicU8>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(AtomicU8::new(PASS));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&fault);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let upstream = TcpStream::connect(&server).await.unwrap();
                connections.spawn(relay(client, upstream, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            fault,
            _tasks: tasks,
        }
    }
}

/// Copies both ways until one side ends, or the next COMMIT of a connection that writes reservations meets its fault.
async fn relay(mut client: TcpStream, mut server: TcpStream, fault: Arc<AtomicU8>) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut wrote = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let sent = &up[..length];
                wrote |= contains(sent, b"insert into reservation_service.reservation");
                let commit = contains(sent, b"COMMIT");
                let fault = if commit && wrote { fault.swap(PASS, Ordering::SeqCst) } else { PASS };
                match fault {
                    LOSE_COMMIT => return,
                    LOSE_REPLY => {
                        server.write_all(sent).await.unwrap();
                        // The server has answered, so the transaction is over; the client never hears.
                        let _answered = server.read(&mut down).await;
                        return;
                    }
                    _ => {}
                }
                if server.write_all(sent).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

async fn start() -> (App, Proxy) {
    let mut env = TestEnv::new().await;
    let url = env.database_url(Login::Reservation);
    let (before, after) = url.rsplit_once('@').unwrap();
    let (server, database) = after.split_once('/').unwrap();
    let proxy = Proxy::start(server.to_owned()).await;
    let through = format!("{before}@127.0.0.1:{}/{database}?sslmode=disable", proxy.port);
    env.set("DATABASE_URL", through);
    (App::start_in(env).await, proxy)
}

#[tokio::test]
async fn a_hold_whose_commit_was_answered_to_nobody_is_kept() {
    let (app, proxy) = start().await;
    proxy.fault.store(LOSE_REPLY, Ordering::SeqCst);
    let held = app.buyer().try_hold(&[1]).await.expect(201);
    assert_eq!(proxy.fault.load(Ordering::SeqCst), PASS, "the fault must have struck");
    assert_eq!(app.redis_holder(1).await, Some(uuid(&held["reservationId"])));
    assert_eq!(app.seats("HOLD").await, [1]);
}

#[tokio::test]
async fn a_hold_whose_commit_never_arrived_is_given_back() {
    let (app, proxy) = start().await;
    proxy.fault.store(LOSE_COMMIT, Ordering::SeqCst);
    let buyer = app.buyer();
    buyer.try_hold(&[1]).await.expect_problem(503, "SERVICE_UNAVAILABLE");
    assert_eq!(proxy.fault.load(Ordering::SeqCst), PASS, "the fault must have struck");
    assert_eq!(app.redis_holder(1).await, None);
    assert_eq!(app.seats("HOLD").await, [0; 0]);
    buyer.hold(&[1]).await;
}

#[tokio::test]
async fn a_swap_whose_commit_was_answered_to_nobody_is_kept() {
    let (app, proxy) = start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    proxy.fault.store(LOSE_REPLY, Ordering::SeqCst);
    let _ = buyer.swap(id, &[2, 3]).await.expect(200);
    assert_eq!(proxy.fault.load(Ordering::SeqCst), PASS, "the fault must have struck");
    assert_eq!(app.seats_of(id).await, [2, 3]);
    assert_eq!(app.holders(&[1, 2, 3]).await, [None, Some(id), Some(id)]);
    assert_eq!(app.neighbours.known().reservations_changed.len(), 1);
}

#[tokio::test]
async fn a_swap_whose_commit_never_arrived_leaves_the_old_seats_held() {
    let (app, proxy) = start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    proxy.fault.store(LOSE_COMMIT, Ordering::SeqCst);
    buyer.swap(id, &[2, 3]).await.expect_problem(503, "SERVICE_UNAVAILABLE");
    assert_eq!(proxy.fault.load(Ordering::SeqCst), PASS, "the fault must have struck");
    assert_eq!(app.seats_of(id).await, [1, 2]);
    assert_eq!(app.holders(&[1, 2, 3]).await, [Some(id), Some(id), None]);
    assert!(app.neighbours.known().reservations_changed.is_empty());
    let _ = buyer.swap(id, &[2, 3]).await.expect(200);
    assert_eq!(app.seats_of(id).await, [2, 3]);
}
