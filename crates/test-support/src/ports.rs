//! Ports for programs that are told theirs before they run.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    net::TcpListener,
};

/// They lie below those that the kernel gives to outgoing connections, or one of these would take a port between here and
/// the start of its server, or while the server is being restarted.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// A port at which nobody listens, and that no test of any program is given before all others have been.
///
/// # Panics
/// When none is free, or the file of temporary files in which they are counted cannot be used.
#[must_use]
pub fn free_port() -> u16 {
    (0..COUNT)
        .filter_map(|_| u16::try_from(FIRST + next() % COUNT).ok())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("some port is free")
}

/// Counts, over all test programs of this machine.
fn next() -> u32 {
    let counter = std::env::temp_dir().join("ticket-queue-ports");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&counter)
        .unwrap_or_else(|error| panic!("{}: {error}", counter.display()));
    // Until the file is closed.
    file.lock().expect("a file can be locked");
    let mut last = String::new();
    file.read_to_string(&mut last).expect("the count can be read");
    let next = last.trim().parse::<u32>().unwrap_or_default().wrapping_add(1);
    file.rewind().expect("a file can be rewound");
    // Always of the same length, so that nothing of an earlier count is left.
    write!(file, "{next:10}").expect("the count can be written");
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_given_anothers_port() {
        let ports = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..20).map(|_| free_port()).collect::<Vec<_>>()))
                .collect();
            takers
                .into_iter()
                .flat_map(|taker| taker.join().unwrap())
                .collect::<Vec<_>>()
        });
        let distinct: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), ports.len(), "{ports:?}");
    }
}
