//! Requests with a body.

use super::*;
use futures_util::stream;
use hyper::body::SizeHint;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

type Parts = mpsc::UnboundedReceiver<Result<Bytes, BodyError>>;

/// A body whose parts a test sends.
struct Told {
    parts: Parts,
    length: Option<u64>,
}

fn told(length: Option<u64>) -> (mpsc::UnboundedSender<Result<Bytes, BodyError>>, Outgoing<Told>) {
    let (tell, parts) = mpsc::unbounded_channel();
    let mut head = RequestHead::new(Method::POST, "/x");
    head.field("host", b"x");
    (tell, head.with_body(Told { parts, length }, false))
}

impl Body for Told {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.parts
            .poll_recv(cx)
            .map(|part| part.map(|part| part.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Reads so many bytes and answers with all it has read.
async fn echo(length: usize) -> World {
    World::new(move |mut stream| async move {
        while let Some(head) = read_head(&mut stream).await {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let text = head + &String::from_utf8(body).unwrap();
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    })
    .await
}

const HEAD: &str = "POST /x HTTP/1.1\r\nhost: x\r\n";

#[tokio::test]
async fn a_body_with_a_length_goes_as_it_comes() {
    let large = "x".repeat(300_000);
    for parts in [
        vec!["hello"],
        vec!["he", "", "llo"],
        vec![&large],
        vec!["a", &large, "b"],
    ] {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let world = echo(length).await;
        for _ in 0..2 {
            let (tell, mut request) = told(Some(length as u64));
            for part in &parts {
                tell.send(Ok(Bytes::copy_from_slice(part.as_bytes()))).unwrap();
            }
            let reply = world.send(&mut request).await.unwrap();
            let expected = format!("{HEAD}content-length: {length}\r\n\r\n{}", parts.concat());
            assert!(read(reply.into_body()).await.unwrap() == expected, "{length}");
        }
        assert_eq!(world.connections(), 1);
    }
}

#[tokio::test]
async fn a_body_without_a_length_goes_in_chunks() {
    let coded = "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    let world = echo(coded.len()).await;
    for _ in 0..2 {
        let (tell, mut request) = told(None);
        let telling = async move {
            for part in ["he", "", "llo"] {
                tell.send(Ok(part.into())).unwrap();
                sleep(Duration::from_millis(5)).await;
            }
        };
        let (reply, ()) = tokio::join!(world.send(&mut request), telling);
        let expected = format!("{HEAD}transfer-encoding: chunked\r\n\r\n{coded}");
        assert_eq!(read(reply.unwrap().into_body()).await.unwrap(), expected);
    }
    assert_eq!(world.connections(), 1);
}

#[tokio::test]
async fn a_request_without_a_body_says_so_where_one_is_usual() {
    for (method, more) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "content-length: 0\r\n"),
        (Method::PUT, "content-length: 0\r\n"),
    ] {
        let world = echo(0).await;
        let (_, text) = world.call(method.clone()).await.unwrap();
        assert_eq!(text, format!("{method} /x HTTP/1.1\r\nhost: x\r\n{more}\r\n"));
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_was_said_ends_the_call() {
    for parts in [vec!["toolong"], vec!["too", "long"], vec!["sho"], vec![]] {
        let world = World::new(|mut stream| async move {
            let mut all = Vec::new();
            let _read = stream.read_to_end(&mut all).await;
        })
        .await;
        let (tell, mut request) = told(Some(5));
        for part in parts {
            tell.send(Ok(part.into())).unwrap();
        }
        drop(tell);
        let failure = world.send(&mut request).await.unwrap_err();
        assert!(failure.to_string().starts_with("the body did not come"), "{failure}");
        assert!(!failure.may_pass());
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_the_call() {
    let (ended, mut told_end) = mpsc::unbounded_channel();
    let world = World::new(move |mut stream| {
        let ended = ended.clone();
        async move {
            let mut all = String::new();
            let _read = stream.read_to_string(&mut all).await;
            ended.send(all).unwrap();
        }
    })
    .await;
    let parts = [Ok(Frame::data(Bytes::from("half"))), Err("the client left".into())];
    let body = StreamBody::new(stream::iter(parts));
    let mut request = RequestHead::new(Method::POST, "/x").with_body(body, false);
    let failure = world.send(&mut request).await.unwrap_err();
    assert!(failure.to_string().contains("the client left"), "{failure}");
    let heard = timeout(PATIENCE, told_end.recv()).await.unwrap().unwrap();
    assert!(!heard.contains("0\r\n\r\n"), "a cut body must not look whole: {heard}");
}

#[tokio::test]
async fn a_reply_may_come_before_the_body_has_ended() {
    let world = World::new(|mut stream| async move {
        read_head(&mut stream).await;
        let reply = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nearly";
        stream.write_all(reply).await.unwrap();
        let mut rest = Vec::new();
        let _read = stream.read_to_end(&mut rest).await;
    })
    .await;
    let (tell, mut request) = told(Some(1000));
    tell.send(Ok("begin".into())).unwrap();
    let reply = world.send(&mut request).await.unwrap();
    assert_eq!(reply.status(), 401);
    assert_eq!(read(reply.into_body()).await.unwrap(), "early");
    assert_eq!(world.pool.len(), 0, "the service still waits for the rest");
}

#[tokio::test]
async fn a_service_that_refuses_a_body_and_goes_is_heard() {
    let world = World::new(|mut stream| async move {
        read_head(&mut stream).await;
        let reply = b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(reply).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = vec![0; 100_000];
        let _read = stream.read_exact(&mut rest).await;
    })
    .await;
    let (tell, mut request) = told(Some(50_000_000));
    let telling = async move {
        while tell.send(Ok(vec![b'x'; 60_000].into())).is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let reply = tokio::select! {
        reply = world.send(&mut request) => reply,
        () = telling => panic!("the request ends first"),
    };
    assert_eq!(reply.unwrap().status(), 413);
}
