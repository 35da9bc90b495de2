//! Lines of an access log without `tracing`'s formatter, which takes as long for one as verifying a token takes.
//!
//! A line looks as the formatter's: the same names in the same order, as JSON. Whether it is written at all is the filter's
//! decision (`LOG_LEVEL`), and where the log is text, or somebody else's, it goes through `tracing` as every other.

use crate::{Clock, log_writer};
use chrono::{DateTime, Utc};
use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// The target of these lines, for filters.
pub const TARGET: &str = "access";

/// Whether the log of this process is our JSON.
static JSON: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The second that was last written, which most lines share.
    static SECOND: Cell<(i64, [u8; SECOND_LENGTH])> = const { Cell::new((i64::MIN, [0; SECOND_LENGTH])) };
    /// Room for a line, used again and again.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

const SECOND_LENGTH: usize = "2026-11-23T07:48:36".len();

/// From now on, lines can be written.
pub(crate) fn log_is_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// A line that is being written. Dropping it leaves it out.
pub struct Line {
    text: Vec<u8>,
}

impl Line {
    /// Begins a line, if the log takes lines like this one; else it is `tracing`'s to write.
    #[must_use]
    pub fn begin(message: &'static str) -> Option<Self> {
        if !JSON.load(Ordering::Relaxed) {
            return None;
        }
        let mut line = Self { text: ROOM.take() };
        line.text.clear();
        line.text.extend_from_slice(b"{\"timestamp\":\"");
        line.time(Clock::system().now());
        line.text.extend_from_slice(b"\",\"level\":\"INFO\"");
        line.plain("message", message);
        Some(line)
    }

    fn time(&mut self, now: DateTime<Utc>) {
        let (mut second, mut text) = SECOND.get();
        if second != now.timestamp() {
            second = now.timestamp();
            let written = now.format("%Y-%m-%dT%H:%M:%S").to_string();
            // Years have four digits for some time to come.
            if let Ok(written) = written.as_bytes().try_into() {
                text = written;
            }
            SECOND.set((second, text));
        }
        self.text.extend_from_slice(&text);
        self.text.push(b'.');
        self.fraction(now.timestamp_subsec_micros().min(999_999));
        self.text.push(b'Z');
    }

    /// Six digits.
    fn fraction(&mut self, millionths: u32) {
        let mut with_a_leading_one = itoa::Buffer::new();
        let digits = with_a_leading_one.format(1_000_000 + millionths % 1_000_000);
        self.text.extend_from_slice(&digits.as_bytes()[1..]);
    }

    fn name(&mut self, name: &str) {
        self.text.extend_from_slice(b",\"");
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
    }

    /// A text, whoever wrote it.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        // Without an early end, several bytes are looked at in one step.
        let is_odd = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        if !value.bytes().fold(false, |odd, byte| odd | is_odd(byte)) {
            self.text.push(b'"');
            self.text.extend_from_slice(value.as_bytes());
            self.text.push(b'"');
        } else if serde_json::to_writer(&mut self.text, value).is_err() {
            // Nothing can fail here; and a line must stay readable.
            self.text.extend_from_slice(b"null");
        }
    }

    /// A text of ours that needs no look: an id, a name out of a table.
    pub fn plain(&mut self, name: &str, value: &str) {
        self.name(name);
        self.text.push(b'"');
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
    }

    /// A whole number.
    pub fn number(&mut self, name: &str, value: u16) {
        self.name(name);
        self.text
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A time in milliseconds, to the nanosecond.
    pub fn milliseconds(&mut self, name: &str, value: Duration) {
        self.name(name);
        self.text
            .extend_from_slice(itoa::Buffer::new().format(value.as_millis()).as_bytes());
        self.text.push(b'.');
        self.fraction(value.subsec_nanos() % 1_000_000);
    }

    /// Writes the line, some milliseconds later and with others.
    pub fn end(mut self) {
        self.name("target");
        self.text.push(b'"');
        self.text.extend_from_slice(TARGET.as_bytes());
        self.text.extend_from_slice(b"\"}\n");
        log_writer::gather(&self.text);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        ROOM.set(std::mem::take(&mut self.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn names(line: &str) -> Vec<String> {
        let text = line.replace("\\\"", "'");
        let names = text.split("\":").filter_map(|part| part.rsplit('"').next());
        names.map(str::to_owned).collect()
    }

    #[test]
    fn a_line_is_that_of_the_formatter() {
        let path = "/a\"b\\c\n\u{1b}[0m\u{7f}/콘서트";
        let (written, spent) = (Written::default(), Duration::from_nanos(12_000_345));
        let output = written.clone();
        let format = crate::telemetry::json_layer(move || output.clone());
        let subscriber = tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), format);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(
                target: TARGET,
                { request.id = "id", http.status = 200_u16, url.path = path, duration.ms = spent.as_secs_f64() * 1000.0 },
                "request handled"
            );
        });
        let theirs = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();

        log_is_json();
        let mut line = Line::begin("request handled").unwrap();
        line.text("request.id", "id");
        line.number("http.status", 200);
        line.text("url.path", path);
        line.milliseconds("duration.ms", spent);
        line.name("target");
        line.text.extend_from_slice(b"\"access\"}\n");
        let ours = String::from_utf8(line.text.clone()).unwrap();

        assert_eq!(names(&ours), names(&theirs));
        let [mut ours, mut theirs] = [ours, theirs].map(|line| serde_json::from_str::<Value>(&line).unwrap());
        for line in [&mut ours, &mut theirs] {
            let time = line["timestamp"].take();
            let time = time.as_str().unwrap();
            assert_eq!(
                (time.len(), time.ends_with('Z')),
                ("2026-11-23T07:48:36.412646Z".len(), true),
                "{time}"
            );
            DateTime::parse_from_rfc3339(time).unwrap();
        }
        assert_eq!(ours, theirs);
    }
}
