//! Requests one after the other, over one connection or several at once.

use crate::cases::Case;
use anyhow::{Context, ensure};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Makes so many requests in all, each connection the next one as soon as it has its reply.
pub(crate) async fn calls(address: SocketAddr, connections: usize, requests: usize, case: &Case) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for connection in 0..connections {
        let case = case.clone();
        running.spawn(async move {
            let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
            stream.set_nodelay(true)?;
            let mut reply = Vec::new();
            for number in (connection..requests).step_by(connections) {
                stream.write_all(&(case.request)(number)?).await?;
                let status = read(&mut stream, &mut reply).await?;
                ensure!(
                    (200..300).contains(&status),
                    "{}: {}",
                    case.what,
                    String::from_utf8_lossy(&reply)
                );
            }
            Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

/// Reads a reply whose body has a known length; returns its status.
async fn read(stream: &mut TcpStream, reply: &mut Vec<u8>) -> anyhow::Result<u16> {
    reply.clear();
    loop {
        ensure!(stream.read_buf(reply).await? > 0, "the connection was closed early");
        let Some(end) = reply.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&reply[..end])?;
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: usize = length.map_or(Ok(0), |(_, value)| value.trim().parse())?;
        if reply.len() >= end + 4 + length {
            return Ok(head.split(' ').nth(1).context("a status")?.parse()?);
        }
    }
}
