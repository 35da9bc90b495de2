use super::framing::Framing;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

/// A head is being read; also before the first byte of a new connection, so that one which never says anything is cut soon.
const HEAD: u8 = 0;
/// A request is being answered.
const BUSY: u8 = 1;
/// The connection has proved itself and may wait for its next request.
const IDLE: u8 = 2;

/// What a connection is doing; shared by its socket and its service.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadWatch(Arc<AtomicU8>);

impl HeadWatch {
    /// A request's head has been read.
    pub(super) fn head_complete(&self) {
        self.0.store(BUSY, Ordering::Relaxed);
    }

    /// Its reply goes out; what is read next is the next head.
    pub(super) fn awaiting_head(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }
}

/// No head contains this, and it has an end: hyper answers 400 and closes, as it does to any head it cannot read.
const REFUSED: &[u8] = b"\0\r\n\r\n";

/// A socket that is cut off when a head takes too long, counted from its first byte, and whose ambiguous heads are refused.
/// A head that comes in one piece, as nearly all do, costs no timer.
pub(super) struct HeadGuard {
    stream: TcpStream,
    watch: HeadWatch,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    framing: Framing,
    /// What hyper reads instead of the client's bytes from an ambiguous head on, then nothing.
    instead: Option<&'static [u8]>,
}

impl HeadGuard {
    pub(super) fn new(stream: TcpStream, watch: HeadWatch, limit: Duration) -> Self {
        Self {
            stream,
            watch,
            limit,
            timer: None,
            framing: Framing::default(),
            instead: None,
        }
    }

    /// Keeps what was read unless a head in it is ambiguous.
    fn judge(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if let Err(at) = self.framing.read(&buf.filled()[before..]) {
            buf.set_filled(before + at);
            self.refuse(buf, REFUSED);
        }
    }

    fn refuse(&mut self, buf: &mut ReadBuf<'_>, rest: &'static [u8]) {
        let (now, later) = rest.split_at(rest.len().min(buf.remaining()));
        buf.put_slice(now);
        self.instead = Some(later);
    }
}

impl AsyncRead for HeadGuard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(rest) = this.instead {
            this.refuse(buf, rest);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let phase = this.watch.0.load(Ordering::Relaxed);
        if phase != HEAD {
            this.timer = None;
        }
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if phase == IDLE {
                    this.watch.0.store(HEAD, Ordering::Relaxed);
                }
                this.judge(buf, before);
                Poll::Ready(result)
            }
            Poll::Pending if phase == HEAD => {
                let timer = this
                    .timer
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(this.limit)));
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head took too long")))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for HeadGuard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
