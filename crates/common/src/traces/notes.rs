use crate::context::{self, TraceParent};
use opentelemetry::{KeyValue, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// What somebody deep in a request or message wants its span to tell. Without room for any where nothing is recorded.
#[derive(Clone, Debug, Default)]
pub struct Notes(Option<Arc<Mutex<Vec<KeyValue>>>>);

impl Notes {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn of(at: TraceParent) -> Self {
        Self(super::is_recorded(at).then(Arc::default))
    }

    /// Whether anybody will read them.
    pub(crate) fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    fn add(&self, note: KeyValue) {
        if let Some(notes) = &self.0 {
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            // A span has each of them once, and the last one is right.
            notes.retain(|known| known.key != note.key);
            notes.push(note);
        }
    }

    pub(super) fn take(&self) -> Vec<KeyValue> {
        let take = |notes: &Arc<Mutex<_>>| std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.as_ref().map(take).unwrap_or_default()
    }
}

/// Has the span of the current request or message tell something: an id, never anything personal. `value` is called only
/// if the trace is recorded.
pub fn note<V: Into<Value>>(key: &'static str, value: impl FnOnce() -> V) {
    context::with_notes(|notes| {
        if notes.are_wanted() {
            notes.add(KeyValue::new(key, value()));
        }
    });
}
