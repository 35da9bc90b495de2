//! The service behind every gateway: answers each request with the same kilobyte, at the least cost that can be had, so that
//! the core it shares with the load is not what limits anybody.

use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const BODY_BYTES: usize = 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Serves until the process is ended.
pub(crate) async fn serve(port: u16) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(BODY_BYTES - 11));
    let reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {BODY_BYTES}\r\n\
         Date: Mon, 23 Nov 2026 00:00:00 GMT\r\n\r\n{body}"
    );
    let reply: Arc<[u8]> = reply.into_bytes().into();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(answer(stream, Arc::clone(&reply)));
    }
}

/// Nobody sends a body, so a request ends with its head.
async fn answer(mut stream: TcpStream, reply: Arc<[u8]>) -> io::Result<()> {
    let mut head = Vec::with_capacity(8 * 1024);
    while stream.read_buf(&mut head).await? > 0 {
        if head.ends_with(END_OF_HEAD) {
            head.clear();
            stream.write_all(&reply).await?;
        }
    }
    Ok(())
}
