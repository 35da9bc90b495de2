use super::*;
use ::redis::Value;
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const LIMIT: Duration = Duration::from_secs(60);

async fn server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, format!("redis://{address}"))
}

async fn get(line: &Line, key: &str) -> RedisResult<Vec<Value>> {
    let write = |question: &mut Question<'_>| question.command(&[&[b"GET"], &[key.as_bytes()]]);
    line.ask(write, <[Value]>::to_vec).await
}

/// Reads up to the end of a text.
async fn expect(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "closed");
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn what_is_asked_in_one_turn_goes_out_at_once_and_each_gets_its_own_answer() {
    let (listener, url) = server().await;
    let line = Line::new(&format!("{url}/3"), LIMIT).unwrap();
    let asking = join_all(["a", "b", "c"].map(|key| get(&line, key)));
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        expect(&mut stream, "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n").await;
        stream.write_all(b"+OK\r\n").await.unwrap();
        let asked = expect(&mut stream, "$1\r\nc\r\n").await;
        assert_eq!(asked.matches("GET").count(), 3);
        stream.write_all(b"$1\r\n1\r\n$1").await.unwrap();
        stream.write_all(b"\r\n2\r\n-ERR three\r\n").await.unwrap();
        stream
    };
    let (answers, _stream) = tokio::join!(asking, serving);
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().remove(0)).collect();
    assert_eq!(answers[..2], ["1", "2"].map(|text| Value::BulkString(text.into())));
    assert!(answers[2].clone().extract_error().is_err());
}

#[tokio::test]
async fn a_connection_that_ends_fails_who_waits_and_the_next_question_makes_another() {
    let (listener, url) = server().await;
    let line = Line::new(&url, LIMIT).unwrap();
    for _ in 0..2 {
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            expect(&mut stream, "$1\r\na\r\n").await;
        };
        let (answer, ()) = tokio::join!(get(&line, "a"), serving);
        assert!(answer.unwrap_err().is_connection_dropped());
    }
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        expect(&mut stream, "$1\r\na\r\n").await;
        stream.write_all(b"$-1\r\n").await.unwrap();
        stream
    };
    let (answer, _stream) = tokio::join!(get(&line, "a"), serving);
    assert_eq!(answer.unwrap(), [Value::Nil]);
}

#[tokio::test]
async fn who_waits_too_long_or_goes_away_leaves_the_others_their_answers() {
    let (listener, url) = server().await;
    let line = Line::new(&url, Duration::from_secs(1)).unwrap();
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        expect(&mut stream, "late\r\n").await;
        stream
    };
    let gone = tokio::time::timeout(Duration::from_millis(20), get(&line, "gone"));
    let (gone, late, mut stream) = tokio::join!(gone, get(&line, "late"), serving);
    assert!(gone.is_err());
    assert!(late.unwrap_err().is_timeout());
    let serving = async {
        expect(&mut stream, "now\r\n").await;
        stream.write_all(b":1\r\n:2\r\n:3\r\n").await.unwrap();
    };
    let (now, ()) = tokio::join!(get(&line, "now"), serving);
    assert_eq!(now.unwrap(), [Value::Int(3)]);
    let state = line.shared.lock();
    assert_eq!(state.free.len(), state.asked.len(), "places are used again");
}

#[tokio::test]
async fn a_refused_password_fails_the_question() {
    let (listener, url) = server().await;
    let url = url.replace("redis://", "redis://user:secret@");
    let line = Line::new(&url, LIMIT).unwrap();
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        expect(&mut stream, "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$6\r\nsecret\r\n").await;
        stream.write_all(b"-WRONGPASS no\r\n").await.unwrap();
        stream
    };
    let (answer, _stream) = tokio::join!(get(&line, "a"), serving);
    assert_eq!(answer.unwrap_err().code(), Some("WRONGPASS"));
}

#[tokio::test]
async fn nobody_listens() {
    let (listener, url) = server().await;
    drop(listener);
    let line = Line::new(&url, LIMIT).unwrap();
    for _ in 0..2 {
        assert!(get(&line, "a").await.unwrap_err().is_connection_dropped());
    }
}
