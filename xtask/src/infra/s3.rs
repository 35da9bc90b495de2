//! S3 as moto plays it, from PyPI, in a virtual environment of this folder's own. It keeps everything in memory: posters are
//! gone when it stops.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Started, ensure_free, local, tools};
use crate::ports::Ports;
use crate::process::{self, Origin};
use crate::workspace::{Workspace, run_quietly};

pub(super) const NAME: &str = "s3";

/// `moto[server]` would bring every service of AWS, which is twice as much.
const PACKAGES: [&str; 3] = ["moto[s3]==5.1.22", "flask==3.1.3", "flask-cors==6.0.5"];
const VERSION: &str = "moto-5.1.22";

/// Where the event service puts posters unless told otherwise.
const BUCKET: &str = "ticket-queue-posters";

/// Anyone may read a poster whose name he knows, as in production.
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::ticket-queue-posters/posters/*"}]}"#;

pub(super) fn start(workspace: &Workspace, ports: &Ports) -> Result<Started> {
    if process::running(workspace, NAME).is_some() {
        return Ok(Started::Now);
    }
    match probe(ports.s3) {
        Ok(()) => return Ok(Started::Before),
        Err(reason) => ensure_free(ports.s3, "S3", &reason)?,
    }
    tools::ensure(&[tools::PYTHON])?;
    let python = fetch(&workspace.dev().join("s3"))?;
    let mut command = Command::new(python);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p"]);
    command.arg(ports.s3.to_string());
    process::start(workspace, NAME, &mut command, "moto.server", Origin::default())?;
    Ok(Started::Now)
}

/// Installs moto once and returns the Python that has it.
fn fetch(home: &Path) -> Result<PathBuf> {
    let environment = home.join(VERSION);
    let python = environment.join("bin/python");
    if environment.is_dir() {
        return Ok(python);
    }
    say!("fetching {VERSION}, which plays S3 (137 MB unpacked, once)");
    fs::create_dir_all(home)?;
    // Renamed when complete, so that an interrupted download is not taken for a whole one.
    let partial = home.join("partial");
    let create = run_quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&partial));
    create.context("python3 cannot make a virtual environment; is Debian's package python3-venv there?")?;
    let mut pip = Command::new(partial.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES);
    run_quietly(&mut pip)?;
    fs::rename(&partial, &environment)?;
    Ok(python)
}

/// Makes the posters' bucket, which may be there already, and lets everybody read it.
pub(super) fn create_bucket(port: u16) -> Result<()> {
    for (path, body) in [(format!("/{BUCKET}"), ""), (format!("/{BUCKET}?policy"), POLICY)] {
        let status = request(port, "PUT", &path, body)?;
        ensure!(matches!(status, 200 | 204 | 409), "S3 answers {status} to PUT {path}");
    }
    Ok(())
}

/// Whether something answers as S3 does.
pub(super) fn probe(port: u16) -> Result<()> {
    let status = request(port, "GET", "/", "")?;
    ensure!(status == 200, "it answers {status}");
    Ok(())
}

/// One request and the status it is answered with. Whoever plays S3 here asks for no signature.
fn request(port: u16, method: &str, path: &str, body: &str) -> Result<u16> {
    let mut stream = TcpStream::connect_timeout(&local(port), Duration::from_secs(1)).context("no answer")?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
    status
        .and_then(|status| status.parse().ok())
        .context("it does not speak HTTP")
}
