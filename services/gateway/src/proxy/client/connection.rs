use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    /// Where everything is read into, so that an idle connection, or one that waits, holds no buffer.
    static ARRIVING: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// A connection to a service.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Connection {
    /// With the address that it was made to.
    pub(super) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream, peer }
    }

    /// The replica at its other end.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Reads what is there and shows it; an empty slice at the end.
    pub(super) fn poll_read<T>(&mut self, cx: &mut Context<'_>, look: impl FnOnce(&[u8]) -> T) -> Poll<io::Result<T>> {
        ARRIVING.with_borrow_mut(|bytes| {
            let mut bytes = ReadBuf::new(bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut bytes))?;
            Poll::Ready(Ok(look(bytes.filled())))
        })
    }

    /// Writes some of these bytes, those of `first` first.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        match (first.is_empty(), second.is_empty()) {
            (_, true) => stream.poll_write(cx, first),
            (true, false) => stream.poll_write(cx, second),
            (false, false) => stream.poll_write_vectored(cx, &[io::IoSlice::new(first), io::IoSlice::new(second)]),
        }
    }

    /// Whether the service says nothing, which is all that it may say between two requests. Asks the kernel only if there
    /// was an event.
    pub(super) fn is_quiet(&self) -> bool {
        let said = self.stream.try_read(&mut [0; 1]);
        matches!(said, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}
