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

/// How much of a body that nobody wanted is still read once the reply is out, and for how long. To close a socket on unread data
/// resets it, and with it goes the reply that says why.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(2);

/// A connection that is cut off when a head takes too long, counted from its first byte, or when its client takes nothing of a
/// reply, and whose ambiguous heads are refused. A head that comes in one piece, as nearly all do, costs no timer, nor does a
/// reply that the kernel takes at once.
pub(super) struct HeadGuard<S> {
    stream: S,
    watch: HeadWatch,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    stall_limit: Duration,
    stall_timer: Option<Pin<Box<Sleep>>>,
    linger: Option<Linger>,
    framing: Framing,
    /// What hyper reads instead of the client's bytes from an ambiguous head on, then nothing.
    instead: Option<&'static [u8]>,
}

impl<S> HeadGuard<S> {
    pub(super) fn new(stream: S, watch: HeadWatch, limit: Duration, stall_limit: Duration) -> Self {
        Self {
            stream,
            watch,
            limit,
            timer: None,
            stall_limit,
            stall_timer: None,
            linger: None,
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

    /// What became of a write, which fails if none has got on for too long. The kernel calls a socket writable only when a good
    /// part of its buffer is free, so that getting on means more than a byte.
    fn unless_stalled<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall_timer = None;
            return written;
        }
        let limit = self.stall_limit;
        let timer = self
            .stall_timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

/// Reading what nobody wants.
struct Linger {
    left: usize,
    timer: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + Unpin> HeadGuard<S> {
    /// Ready when the client has closed its side, or has had its time.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            left: LINGER_BYTES,
            timer: Box::pin(tokio::time::sleep(LINGER_TIME)),
        });
        let mut scratch = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && linger.left > 0 => {
                    linger.left = linger.left.saturating_sub(buf.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return linger.timer.as_mut().poll(cx),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadGuard<S> {
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HeadGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.unless_stalled(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.unless_stalled(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.unless_stalled(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.unless_stalled(shut, cx))?;
        }
        if self.instead.is_some() || self.framing.is_within_body() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
