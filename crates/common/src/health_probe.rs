//! `<service> health`: asks the service of this container whether it is ready. Container images have neither a shell nor curl,
//! so the program is its own health check.

use crate::config::{ConfigError, Env};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// A container engine counts the probe as failed after this anyway.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks `/health/ready` on `PORT` of this machine. A gateway that speaks HTTPS is only asked whether it takes connections: its
/// certificate is for another name.
///
/// # Errors
/// When `PORT` is missing or bad, nobody answers, or the answer is not 200.
pub(crate) fn ask(env: &Env) -> anyhow::Result<()> {
    let port = env.parse_or("PORT", 0_u16)?;
    if port == 0 {
        return Err(ConfigError::new("PORT", "the health check needs the port that the service listens on").into());
    }
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    if env.optional("TLS_CERT_FILE").is_some() {
        return Ok(());
    }
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut reply = Vec::with_capacity(1024);
    stream.take(64 * 1024).read_to_end(&mut reply)?;
    let reply = String::from_utf8_lossy(&reply);
    let status = reply.split(' ').nth(1).unwrap_or_default();
    anyhow::ensure!(
        status == "200",
        "not ready: {}",
        reply.lines().next().unwrap_or("no reply")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn asked(reply: &'static str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /health/ready HTTP/1.1\r\n"));
            stream.write_all(reply.as_bytes()).unwrap();
        });
        let result = ask(&Env::from_pairs([("PORT", port.as_str())]).unwrap());
        server.join().unwrap();
        result
    }

    #[test]
    fn ready_is_health() {
        asked("HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
    }

    #[test]
    fn not_ready_and_silence_are_not() {
        let refused = asked("HTTP/1.1 503 Service Unavailable\r\n\r\n")
            .unwrap_err()
            .to_string();
        assert!(refused.contains("503"), "{refused}");
        assert!(asked("").is_err());
    }

    #[test]
    fn the_port_must_be_named() {
        let refused = ask(&Env::from_pairs([("HOST", "0.0.0.0")]).unwrap())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("PORT"), "{refused}");
    }
}
