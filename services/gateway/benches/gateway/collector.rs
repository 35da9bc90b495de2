//! A stand-in for a collector of traces: takes whatever is posted and throws it away.

use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Serves until the process is ended.
pub(crate) async fn serve(port: u16) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        connections.spawn(take(stream));
    }
}

async fn take(mut stream: TcpStream) -> io::Result<()> {
    let mut got = Vec::new();
    while stream.read_buf(&mut got).await? > 0 {
        if whole_length(&got).is_some_and(|length| got.len() >= length) {
            got.clear();
            stream.write_all(TAKEN).await?;
        }
    }
    Ok(())
}

/// Of head and body, once the head is there.
fn whole_length(got: &[u8]) -> Option<usize> {
    let head = got
        .windows(END_OF_HEAD.len())
        .position(|window| window == END_OF_HEAD)?;
    let text = String::from_utf8_lossy(&got[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
    Some(head + END_OF_HEAD.len() + length)
}
