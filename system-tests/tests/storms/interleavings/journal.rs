use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Instant,
};
use test_support::Reply;

/// What happened in a run, in the order in which it did; shown when the run fails.
#[derive(Clone)]
pub(crate) struct Journal {
    begun: Instant,
    pages: Arc<Mutex<Pages>>,
}

#[derive(Default)]
struct Pages {
    lines: Vec<String>,
    wrongs: Vec<String>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            pages: Arc::default(),
        }
    }

    pub(crate) fn note(&self, line: impl fmt::Display) {
        let line = format!("{:8.3} {line}", self.begun.elapsed().as_secs_f64());
        self.pages.lock().unwrap().lines.push(line);
    }

    /// Notes what somebody did and was told; a 500 is nobody's due, whoever dies.
    pub(crate) fn reply(&self, who: &str, what: impl fmt::Debug, reply: Option<&Reply>) {
        let Some(reply) = reply else {
            return self.note(format!("{who} {what:?}: no reply"));
        };
        let (status, code) = (reply.status.as_u16(), reply.body["code"].as_str().unwrap_or_default());
        let about = ["reservationId", "paymentId", "status"].map(|name| match &reply.body[name] {
            Value::String(text) => format!(" {text}"),
            _ => String::new(),
        });
        self.note(format!("{who} {what:?}: {status} {code}{}", about.concat()));
        if status == 500 {
            self.wrong(format!("{who} {what:?}: {reply:?}"));
        }
    }

    pub(crate) fn wrong(&self, what: String) {
        self.pages.lock().unwrap().wrongs.push(what);
    }

    pub(crate) fn wrongs(&self) -> Vec<String> {
        self.pages.lock().unwrap().wrongs.clone()
    }

    pub(crate) fn lines(&self) -> String {
        self.pages.lock().unwrap().lines.join("\n")
    }
}
