//! Where log lines go: to standard output, at once or gathered.
//!
//! A gateway writes a line per request, and a system call for each would cost as much as passing the request on. So lines of the
//! access log are gathered and written some milliseconds later by a thread of their own; a process that is killed loses
//! those. Every other line is written before the call returns, with all that was gathered before it.

use std::{
    io::{self, Write},
    mem,
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The target whose lines are gathered.
const GATHERED: &str = crate::access_log::TARGET;
/// For so long.
const DELAY: Duration = Duration::from_millis(50);
/// Who fills more than this has to wait for standard output.
const MOST_BYTES: usize = 1024 * 1024;

/// Standard output for the log; one per process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogOutput;

/// One line's way out.
#[derive(Debug)]
pub(crate) struct LineWriter {
    gathered: bool,
}

struct Gathered {
    lines: Mutex<Vec<u8>>,
    filled: Condvar,
}

impl<'a> MakeWriter<'a> for LogOutput {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter { gathered: false }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> LineWriter {
        LineWriter {
            gathered: line.target() == GATHERED,
        }
    }
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let gathered = Gathered::get();
        let mut lines = gathered.lock();
        if lines.is_empty() && self.gathered {
            gathered.filled.notify_one();
        }
        lines.extend_from_slice(line);
        if !self.gathered || lines.len() > MOST_BYTES {
            write_out(&mut lines)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes a line of the access log, with its end, to be written with others.
pub(crate) fn gather(line: &[u8]) {
    let mut writer = LineWriter { gathered: true };
    // Who could be told that standard output is gone?
    let _gathered = writer.write(line);
}

/// Writes what is gathered; for the end of a process.
pub(crate) fn flush() {
    // Who could be told that standard output is gone?
    let _written = write_out(&mut Gathered::get().lock());
}

fn write_out(lines: &mut Vec<u8>) -> io::Result<()> {
    let written = io::stdout().lock().write_all(lines);
    lines.clear();
    written
}

impl Gathered {
    fn get() -> &'static Self {
        static GATHERED: OnceLock<Gathered> = OnceLock::new();
        GATHERED.get_or_init(|| {
            // Without the thread, lines wait for the next one that is written at once, or for the end.
            let _started = thread::Builder::new()
                .name("log".to_owned())
                .spawn(|| Self::get().follow());
            Self {
                lines: Mutex::new(Vec::new()),
                filled: Condvar::new(),
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self) {
        let mut lines = Vec::new();
        loop {
            let wait = self.filled.wait_while(self.lock(), |lines| lines.is_empty());
            drop(wait.unwrap_or_else(PoisonError::into_inner));
            thread::sleep(DELAY);
            let mut gathered = self.lock();
            mem::swap(&mut lines, &mut *gathered);
            // Taken before the lines are let go, so that a later one cannot overtake them.
            let mut output = io::stdout().lock();
            drop(gathered);
            // Who could be told that standard output is gone?
            let _written = output.write_all(&lines);
            lines.clear();
        }
    }
}
