//! A line's connection before the first question.

use super::super::resp::{read_reply, write_command};
use ::redis::{ConnectionAddr, ConnectionInfo, RedisConnectionInfo, RedisResult};
use std::io;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

pub(super) trait Speaks: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Speaks for S {}

pub(super) type Stream = Box<dyn Speaks>;

/// Makes it.
pub(super) async fn connect(server: &ConnectionInfo) -> io::Result<Stream> {
    match server.addr() {
        ConnectionAddr::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        ConnectionAddr::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Says who we are and chooses the database.
///
/// # Errors
/// When Redis refuses either.
pub(super) async fn greet(stream: &mut Stream, settings: &RedisConnectionInfo) -> RedisResult<()> {
    let mut greeting = Vec::new();
    let mut expected = 0;
    match (settings.username(), settings.password()) {
        (Some(user), Some(password)) => {
            write_command(&mut greeting, &[&[b"AUTH"], &[user.as_bytes()], &[password.as_bytes()]]);
            expected += 1;
        }
        (_, Some(password)) => {
            write_command(&mut greeting, &[&[b"AUTH"], &[password.as_bytes()]]);
            expected += 1;
        }
        (_, None) => {}
    }
    if settings.db() != 0 {
        let database = itoa::Buffer::new().format(settings.db()).to_owned();
        write_command(&mut greeting, &[&[b"SELECT"], &[database.as_bytes()]]);
        expected += 1;
    }
    stream.write_all(&greeting).await?;
    let mut bytes = Vec::with_capacity(256);
    while expected > 0 {
        match read_reply(&bytes)? {
            Some((reply, length)) => {
                reply.extract_error()?;
                bytes.drain(..length);
                expected -= 1;
            }
            None if stream.read_buf(&mut bytes).await? == 0 => {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            None => {}
        }
    }
    Ok(())
}
