//! What the service logs, caught per test. Each test's runtime has one thread, its own, and so has its log.
//!
//! The subscriber is the process's and there before the first service is: one that came later for one thread would miss
//! what another thread had found disabled before.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::Once,
};
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt};

const FILTER: &str = "info,user_service=trace,common=trace,sqlx=debug,reqwest=debug";

static INSTALLED: Once = Once::new();

thread_local! {
    static CAUGHT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Lets the process log, to nowhere unless a test catches it.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        let subscriber = tracing_subscriber::registry()
            .with(fmt::layer().with_writer(|| ThisThread))
            .with(FILTER.parse::<Targets>().unwrap());
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// Begins to catch this test's log.
pub(crate) fn catch() {
    CAUGHT.set(Some(Vec::new()));
}

/// What was logged since [`catch`].
pub(crate) fn caught() -> String {
    String::from_utf8(CAUGHT.take().unwrap()).unwrap()
}

struct ThisThread;

impl Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAUGHT.with_borrow_mut(|caught| caught.iter_mut().for_each(|log| log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
