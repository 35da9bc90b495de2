//! Which connections are used again, and which are not.

use super::*;

#[tokio::test]
async fn a_connection_is_used_again_behind_every_reply_that_was_read_to_its_end() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let world = World::answering(answer).await;
        for _ in 0..5 {
            world.get().await.unwrap();
        }
        assert_eq!(world.connections(), 1, "{answer}");
    }
    let world = World::answering("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").await;
    for _ in 0..5 {
        assert_eq!(world.call(Method::HEAD).await, ok(""));
    }
    assert_eq!(world.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_is_not_to_be_kept_is_not() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        // More than was asked for, in the same breath.
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nX",
    ] {
        let world = World::answering(answer).await;
        for _ in 0..3 {
            assert_eq!(world.get().await, ok("ok"), "{answer}");
        }
        assert_eq!(world.connections(), 3, "{answer}");
    }
}

#[tokio::test]
async fn a_connection_whose_reply_nobody_read_is_closed() {
    let world = World::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    drop(world.send(&mut request(Method::GET)).await.unwrap());
    drop(world.send(&mut request(Method::GET)).await.unwrap());
    assert_eq!((world.connections(), world.pool.len()), (2, 0));
}

#[tokio::test]
async fn what_a_service_says_later_unasked_ends_its_connection() {
    let (tell, told) = mpsc::unbounded_channel::<()>();
    let told = Arc::new(tokio::sync::Mutex::new(told));
    let world = World::new(move |mut stream| {
        let told = Arc::clone(&told);
        async move {
            while read_head(&mut stream).await.is_some() {
                let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                stream.write_all(reply).await.unwrap();
                told.lock().await.recv().await;
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    assert_eq!(world.get().await, ok("ok"));
    assert_eq!(world.pool.len(), 1);
    tell.send(()).unwrap();
    eventually_gone(&world).await;
    assert_eq!(world.get().await, ok("ok"));
    assert_eq!(world.connections(), 2);
}

/// Waits until the next round of upkeep finds nothing worth keeping.
async fn eventually_gone(world: &World) {
    let gone = async {
        while world.pool.len() > 0 {
            sleep(Duration::from_millis(5)).await;
            world.pool.tidy_ended();
        }
    };
    timeout(PATIENCE, gone).await.expect("the connection is given up");
}

#[tokio::test]
async fn a_connection_that_the_service_closed_meanwhile_is_seen() {
    let world = World::new(|mut stream| async move {
        read_head(&mut stream).await;
        let reply = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(reply).await.unwrap();
    })
    .await;
    for method in [Method::GET, Method::POST, Method::POST, Method::GET] {
        assert_eq!(world.call(method).await, ok("ok"));
        eventually_gone(&world).await;
    }
    assert_eq!(world.connections(), 4);
}

/// Answers the first request of each connection, and closes on the second.
async fn fickle() -> World {
    World::new(|mut stream| async move {
        read_head(&mut stream).await;
        let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(reply).await.unwrap();
        read_head(&mut stream).await;
    })
    .await
}

#[tokio::test]
async fn a_connection_that_ends_as_it_is_used_costs_a_read_nothing() {
    let world = fickle().await;
    for _ in 0..5 {
        assert_eq!(world.get().await, ok("ok"));
    }
    assert_eq!(world.connections(), 5);
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_sent_twice() {
    let world = fickle().await;
    assert_eq!(world.get().await, ok("ok"));
    let failure = world.send(&mut request(Method::POST)).await.unwrap_err();
    assert!(
        failure.may_pass(),
        "only the caller knows that it must not be repeated: {failure}"
    );
    assert_eq!(world.connections(), 1);
}

#[tokio::test]
async fn a_service_that_hears_and_is_silent_is_asked_no_third_time() {
    let world = World::new(|mut stream| async move {
        let first = read_head(&mut stream).await;
        if first.is_some_and(|head| head.contains("/first")) {
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(reply).await.unwrap();
            read_head(&mut stream).await;
        }
    })
    .await;
    let mut first = RequestHead::new(Method::GET, "/first").with_body(RequestBody::Empty, true);
    world.send(&mut first).await.unwrap();
    let failure = world.get().await.unwrap_err();
    assert_eq!(failure, "the connection was closed without a reply");
    assert_eq!(world.connections(), 2);
}

#[tokio::test]
async fn whoever_leaves_cancels_the_call() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let world = World::new(move |mut stream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            tell.send("it is here").unwrap();
            assert!(read_head(&mut stream).await.is_none());
            tell.send("it is gone").unwrap();
        }
    })
    .await;
    let mut request = request(Method::GET);
    tokio::select! {
        _ = world.send(&mut request) => panic!("nobody answers"),
        heard = told.recv() => assert_eq!(heard, Some("it is here")),
    }
    assert_eq!(timeout(PATIENCE, told.recv()).await.unwrap(), Some("it is gone"));
}

#[tokio::test]
async fn idle_connections_are_closed_after_a_minute_of_upkeep() {
    let world = World::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let pools = Pools::default();
    let pool = pools.add();
    let mut request = request(Method::GET);
    call(&world.connector, world.address, &pool, &mut request)
        .await
        .unwrap();
    for _ in 0..12 {
        pools.tidy();
        assert_eq!(pool.len(), 1);
    }
    pools.tidy();
    assert_eq!(pool.len(), 0);
}

#[tokio::test]
async fn no_more_idle_connections_are_kept_than_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pool = Pool::default();
    for _ in 0..600 {
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        pool.put(connection::Connection::new(connected.unwrap(), address));
        drop(accepted);
    }
    assert_eq!(pool.len(), 512);
}

#[tokio::test]
async fn connections_to_one_replica_are_not_used_for_another() {
    let one = World::answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none").await;
    let two = World::answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo").await;
    for _ in 0..5 {
        for (world, answer) in [(&one, "one"), (&two, "two")] {
            let reply = call(&one.connector, world.address, &one.pool, &mut request(Method::GET)).await;
            assert_eq!(read(reply.unwrap().into_body()).await.unwrap(), answer);
        }
    }
    assert_eq!((one.connections(), two.connections(), one.pool.len()), (1, 1, 2));
}
