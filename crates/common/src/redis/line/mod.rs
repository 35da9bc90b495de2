//! One connection to one Redis for all who run on one thread, with as little between a question and its answer as can be.
//!
//! [`Redis`](super::Redis) passes a command through a handle, a channel and a task with queues of its own, each with
//! allocations and wake-ups. That is nothing beside a transaction, but a third of what a gateway spends on a request. Here a
//! question is written straight into the buffer that goes out next, so all that is asked in one turn of the thread travels in
//! one write, and its answer is read where the bytes lie and put where the asker looks.
//!
//! | what happens | then |
//! |---|---|
//! | the connection ends while nobody waits | the next question makes a new one |
//! | it ends while somebody waits | all of them fail at once; the next question makes a new one |
//! | none can be made | all who wait fail at once; the next try is not before 50 ms later |
//! | an answer takes longer than the limit | its asker fails; whoever came later may still get theirs |
//! | none came for two seconds | the connection counts as dead: all who wait fail, and a new one is made |
//!
//! Nothing is sent twice.

mod connection;
mod driver;
mod questions;
#[cfg(test)]
mod tests;

use super::resp::write_command;
use ::redis::{Client, ConnectionAddr, ErrorKind, RedisError, RedisResult, Value};
use questions::{Answer, Shared};
use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;

/// So long without an answer, and nobody waits for one any more; also for a connection to be made.
const DEAD: Duration = Duration::from_secs(2);

/// The connection. It is made by the first question, on the runtime where that is asked, and closed when this is dropped.
pub struct Line {
    shared: Arc<Shared>,
    limit: Duration,
    driver: Mutex<JoinSet<()>>,
}

/// A question: commands that are written one behind the other.
pub struct Question<'a> {
    bytes: &'a mut Vec<u8>,
    commands: usize,
}

impl Question<'_> {
    /// Adds a command: its name and arguments, each in parts that belong together.
    pub fn command(&mut self, arguments: &[&[&[u8]]]) {
        write_command(self.bytes, arguments);
        self.commands += 1;
    }
}

impl Line {
    /// A line to the server that the address names, which gives up on answers after `limit`.
    ///
    /// # Errors
    /// When the address cannot be read, or asks for what only other connections do.
    pub fn new(url: &str, limit: Duration) -> RedisResult<Self> {
        let client = Client::open(url)?;
        let server = client.get_connection_info().clone();
        if matches!(server.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(RedisError::from((
                ErrorKind::InvalidClientConfig,
                "Redis is spoken to without TLS",
            )));
        }
        Ok(Self {
            shared: Arc::new(Shared::new(server)),
            limit,
            driver: Mutex::default(),
        })
    }

    /// Asks, and reads the reply to each command, in their order. A reply may be an error of its own.
    ///
    /// # Errors
    /// When replies did not come.
    pub async fn ask<T>(
        &self,
        write: impl FnOnce(&mut Question<'_>),
        read: impl FnOnce(&[Value]) -> T,
    ) -> RedisResult<T> {
        let (place, driver, driven) = {
            let mut state = self.shared.lock();
            let mut question = Question {
                bytes: &mut state.unsent,
                commands: 0,
            };
            write(&mut question);
            let commands = question.commands;
            if commands == 0 {
                return Ok(read(&[]));
            }
            let place = state.enter(commands);
            (place, state.driver.take(), mem::replace(&mut state.driven, true))
        };
        // Taken out again by its drop, whatever ends the wait.
        let mut answer = Answer::new(&self.shared, place);
        if let Some(driver) = driver {
            driver.wake();
        }
        if !driven {
            self.start();
        }
        (&mut answer).await.map(|()| read(answer.replies()))
    }

    fn start(&self) {
        let mut drivers = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        while drivers.try_join_next().is_some() {}
        drivers.spawn(driver::drive(Arc::clone(&self.shared), self.limit));
    }
}
