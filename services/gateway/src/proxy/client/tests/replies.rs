//! What is read as a reply.

use super::*;
use futures_util::{StreamExt, stream};

/// A service that says this in two pieces, the first of so many bytes, and closes.
async fn in_two(text: &'static str, first: usize) -> World {
    World::new(move |mut stream| async move {
        read_head(&mut stream).await;
        let (first, second) = text.as_bytes().split_at(first);
        stream.write_all(first).await.unwrap();
        sleep(Duration::from_millis(2)).await;
        let _sent = stream.write_all(second).await;
    })
    .await
}

#[tokio::test]
async fn a_reply_may_be_torn_anywhere() {
    let replies = [
        "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-A: 1\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\nhello",
    ];
    let torn = replies
        .into_iter()
        .flat_map(|text| (1..text.len()).map(move |first| (text, first)));
    stream::iter(torn)
        .for_each_concurrent(32, |(text, first)| async move {
            let world = in_two(text, first).await;
            assert_eq!(world.get().await, ok("hello"), "{text:?} torn at {first}");
            // A body that ends with its connection cannot be told from one that was cut.
            if !text.starts_with("HTTP/1.0") {
                let cut = World::new(move |mut stream| async move {
                    read_head(&mut stream).await;
                    stream.write_all(&text.as_bytes()[..first]).await.unwrap();
                })
                .await;
                let seen = cut.get().await;
                assert!(seen.is_err(), "{text:?} cut at {first}: {seen:?}");
            }
        })
        .await;
}

#[tokio::test]
async fn a_reply_may_come_byte_by_byte() {
    let world = World::new(|mut stream| async move {
        while read_head(&mut stream).await.is_some() {
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
                stream.write_all(&[*byte]).await.unwrap();
                sleep(Duration::from_millis(1)).await;
            }
        }
    })
    .await;
    for _ in 0..2 {
        assert_eq!(world.get().await, ok("ok"));
    }
    assert_eq!(world.connections(), 1);
}

#[tokio::test]
async fn large_bodies_come_whole() {
    let body = "abcdefghijklmnopqrstuvw".repeat(15_000);
    let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (first, second) = body.split_at(100_000);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:X}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    for text in [length, chunked] {
        let world = World::answering(text.leak()).await;
        for _ in 0..3 {
            assert_eq!(world.get().await.unwrap().1, body);
        }
        assert_eq!(world.connections(), 1);
    }
}

#[tokio::test]
async fn heads_have_limits() {
    let fields = |count: usize| {
        format!(
            "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n",
            "X-A: 1\r\n".repeat(count)
        )
    };
    let long = |length: usize| format!("HTTP/1.1 204 No Content\r\nX-A: {}\r\n\r\n", "x".repeat(length));
    let interim = |count: usize| "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count) + "HTTP/1.1 204 No Content\r\n\r\n";
    for (text, why) in [
        (fields(99), None),
        (fields(100), Some("too many fields")),
        (long(65_000), None),
        (long(65_600), Some("its head")),
        (long(1 << 20), Some("its head is too large")),
        (interim(8), None),
        (interim(9), Some("too many replies")),
    ] {
        let world = World::answering(text.leak()).await;
        let seen = world.get().await;
        match (why, seen) {
            (None, Ok(_)) => {}
            (Some(why), Err(seen)) => assert!(seen.contains(why), "{why}: {seen}"),
            (why, seen) => panic!("{why:?}: {seen:?}"),
        }
    }
}

#[tokio::test]
async fn a_reply_that_can_be_read_in_two_ways_is_none() {
    for text in [
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 0000000000000000002\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    ] {
        let world = World::answering(text).await;
        let failure = world.send(&mut request(Method::GET)).await.unwrap_err();
        assert!(!failure.may_pass(), "{text:?}: {failure}");
        assert_eq!(world.connections(), 1);
    }
}

#[tokio::test]
async fn a_head_that_stops_is_not_asked_for_again() {
    for text in ["H", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let world = World::new(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(text.as_bytes()).await.unwrap();
        })
        .await;
        let failure = world.send(&mut request(Method::GET)).await.unwrap_err();
        assert_eq!(failure.to_string(), "the connection was closed in the middle of a head");
        assert!(!failure.may_pass());
    }
}
