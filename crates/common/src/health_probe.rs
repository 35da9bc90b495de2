//! `<service> health`: asks the service of this container whether it is ready, or only whether it lives. Container images have
//! neither a shell nor curl, so the program is its own health check.

use crate::config::{ConfigError, Env};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// A container engine counts the probe as failed after this anyway.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether requests would be served, now.
    Ready,
    /// Whether the process answers at all. For whoever kills what says no: a restart brings back no database.
    Live,
}

impl Question {
    /// Of the program's arguments after `health`.
    ///
    /// # Errors
    /// When there is an argument that is none.
    pub(crate) fn from_arguments(arguments: &[String]) -> anyhow::Result<Self> {
        match arguments {
            [] => Ok(Self::Ready),
            [live] if live == "--live" => Ok(Self::Live),
            others => anyhow::bail!("unknown argument {}: `health` takes only `--live`", others.join(" ")),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Ready => "/health/ready",
            Self::Live => "/health/live",
        }
    }
}

/// Asks on `PORT` of this machine. A gateway that speaks HTTPS is only asked whether it takes connections: its certificate is for
/// another name.
///
/// # Errors
/// When `PORT` is missing or bad, nobody answers, or the answer is not 200.
pub(crate) fn ask(env: &Env, question: Question) -> anyhow::Result<()> {
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
    let path = question.path();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut reply = Vec::with_capacity(1024);
    stream.take(64 * 1024).read_to_end(&mut reply)?;
    let reply = String::from_utf8_lossy(&reply);
    let status = reply.split(' ').nth(1).unwrap_or_default();
    anyhow::ensure!(
        status == "200",
        "{path} is answered: {}",
        reply.lines().next().unwrap_or("no reply")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        net::TcpListener,
    };

    fn asked(question: Question, expected: &'static str, reply: &'static str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // To its end, or closing would reset the connection.
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            assert_eq!(head[0], expected);
            stream.write_all(reply.as_bytes()).unwrap();
        });
        let result = ask(&Env::from_pairs([("PORT", port.as_str())]).unwrap(), question);
        server.join().unwrap();
        result
    }

    fn ready(reply: &'static str) -> anyhow::Result<()> {
        asked(Question::Ready, "GET /health/ready HTTP/1.1", reply)
    }

    #[test]
    fn ready_is_health() {
        ready("HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
    }

    #[test]
    fn not_ready_and_silence_are_not() {
        let refused = ready("HTTP/1.1 503 Service Unavailable\r\n\r\n")
            .unwrap_err()
            .to_string();
        assert!(refused.contains("503"), "{refused}");
        assert!(ready("").is_err());
    }

    #[test]
    fn who_asks_for_life_hears_nothing_of_dependencies() {
        let question = Question::from_arguments(&["--live".to_owned()]).unwrap();
        asked(question, "GET /health/live HTTP/1.1", "HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
    }

    #[test]
    fn an_argument_that_is_none_is_refused() {
        assert_eq!(Question::from_arguments(&[]).unwrap(), Question::Ready);
        for bad in [&["live"][..], &["--live", "--live"]] {
            let bad: Vec<String> = bad.iter().map(ToString::to_string).collect();
            assert!(Question::from_arguments(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_port_must_be_named() {
        let refused = ask(&Env::from_pairs([("HOST", "0.0.0.0")]).unwrap(), Question::Ready)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("PORT"), "{refused}");
    }
}
