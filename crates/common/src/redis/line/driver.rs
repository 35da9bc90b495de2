//! The task that keeps up a line's connection, hands on what was asked, and out what is answered.

use super::{
    DEAD,
    connection::{Stream, connect, greet},
    questions::{Shared, timed_out},
};
use ::redis::{RedisError, RedisResult};
use std::{
    future::poll_fn,
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::sleep,
};

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(50);
/// Limits are looked after so many times within one.
const LOOKS: u32 = 4;
/// Replies are small, and many come at once.
const READ_BYTES: usize = 16 * 1024;

/// What its task drives. However that ends, nobody waits for it any more, and the next question starts another.
struct Driven(Arc<Shared>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.fail(&io::Error::from(io::ErrorKind::ConnectionAborted).into());
        self.0.lock().driven = false;
    }
}

/// Keeps up the connection for as long as somebody asks.
pub(super) async fn drive(shared: Arc<Shared>, limit: Duration) {
    let driven = Driven(shared);
    let shared = &*driven.0;
    loop {
        let asked = poll_fn(|cx| {
            let mut state = shared.lock();
            if state.order.is_empty() {
                state.driver = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        asked.await;
        let mut connected = false;
        let speaking = async {
            let mut stream = connect(&shared.server).await?;
            greet(&mut stream, shared.server.redis_settings()).await?;
            connected = true;
            let (mut unsent, mut read) = (Unsent::default(), Received::new());
            let ended = poll_fn(|cx| speak(shared, &mut stream, &mut unsent, &mut read, cx)).await;
            RedisResult::<()>::Err(ended)
        };
        let died = async {
            while !shared.look_after(limit) {
                sleep((limit / LOOKS).min(DEAD)).await;
            }
            timed_out()
        };
        let error = tokio::select! {
            ended = speaking => ended.err().unwrap_or_else(timed_out),
            error = died => error,
        };
        shared.fail(&error);
        if !connected {
            sleep(PAUSE).await;
        }
    }
}

/// Hands on what was asked, and out what is answered, until the connection ends.
fn speak(
    shared: &Shared,
    stream: &mut Stream,
    unsent: &mut Unsent,
    read: &mut Received,
    cx: &mut Context<'_>,
) -> Poll<RedisError> {
    loop {
        if unsent.written == unsent.bytes.len() {
            unsent.bytes.clear();
            unsent.written = 0;
            let mut state = shared.lock();
            if state.unsent.is_empty() {
                state.driver = Some(cx.waker().clone());
                break;
            }
            mem::swap(&mut state.unsent, &mut unsent.bytes);
        }
        match Pin::new(&mut *stream).poll_write(cx, &unsent.bytes[unsent.written..]) {
            Poll::Ready(Ok(0)) => return Poll::Ready(io::Error::from(io::ErrorKind::WriteZero).into()),
            Poll::Ready(Ok(written)) => unsent.written += written,
            Poll::Ready(Err(error)) => return Poll::Ready(error.into()),
            Poll::Pending => break,
        }
    }
    loop {
        if let Err(error) = ready!(read.poll_more(stream, cx)) {
            return Poll::Ready(error.into());
        }
        let handed_out = shared.lock().hand_out(&read.bytes[..read.filled], &mut read.used);
        if let Err(error) = handed_out {
            return Poll::Ready(error);
        }
    }
}

/// Commands on their way out.
#[derive(Default)]
struct Unsent {
    bytes: Vec<u8>,
    written: usize,
}

/// Bytes that came, up to `filled`, of which those up to `used` were handed out.
struct Received {
    bytes: Vec<u8>,
    used: usize,
    filled: usize,
}

impl Received {
    fn new() -> Self {
        Self {
            bytes: vec![0; READ_BYTES],
            used: 0,
            filled: 0,
        }
    }

    fn poll_more(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.used == self.filled {
            (self.used, self.filled) = (0, 0);
        }
        if self.filled == self.bytes.len() {
            if self.used > 0 {
                self.bytes.copy_within(self.used..self.filled, 0);
                self.filled -= mem::take(&mut self.used);
            } else {
                self.bytes.resize(2 * self.filled, 0);
            }
        }
        let mut room = ReadBuf::new(&mut self.bytes[self.filled..]);
        ready!(Pin::new(stream).poll_read(cx, &mut room))?;
        let read = room.filled().len();
        self.filled += read;
        Poll::Ready(if read == 0 {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(())
        })
    }
}
