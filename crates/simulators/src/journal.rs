//! What must survive a restart of the development system, one JSON object a line. Each change of a payment appends the
//! whole payment, so the last line of an id wins, and opening the file rewrites it with only those.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::identity::IdentityVerification;
use crate::portone::payment::Payment;
use crate::state::lock;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum Entry {
    Payment(Box<Payment>),
    IdentityVerification(IdentityVerification),
}

impl Entry {
    fn key(&self) -> (u8, String) {
        match self {
            Self::Payment(payment) => (0, payment.id.clone()),
            Self::IdentityVerification(identity) => (1, identity.id.clone()),
        }
    }
}

pub(crate) struct Journal(Option<Mutex<File>>);

impl Journal {
    /// Remembers nothing.
    pub(crate) fn nowhere() -> Self {
        Self(None)
    }

    pub(crate) fn open(path: &Path) -> std::io::Result<(Self, Vec<Entry>)> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut latest = HashMap::new();
        for line in text.lines() {
            match serde_json::from_str::<Entry>(line) {
                Ok(entry) => {
                    latest.insert(entry.key(), entry);
                }
                // A process killed in the middle of a write leaves half a line behind.
                Err(error) => tracing::warn!(%error, "a line of the state file cannot be read and is skipped"),
            }
        }
        let entries: Vec<Entry> = latest.into_values().collect();

        let compacted = path.with_extension("compacting");
        let mut file = File::create(&compacted)?;
        for entry in &entries {
            file.write_all(&line_of(entry)?)?;
        }
        fs::rename(&compacted, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok((Self(Some(Mutex::new(file))), entries))
    }

    /// Appends one line. The page cache is enough: it outlives the process, and a third party that forgets a payment
    /// when the machine loses power is no worse than one that never took it.
    pub(crate) fn append(&self, entry: &Entry) {
        let Some(file) = &self.0 else { return };
        let written = line_of(entry).and_then(|line| lock(file).write_all(&line));
        if let Err(error) = written {
            tracing::error!(%error, "the state file could not be written");
        }
    }
}

fn line_of(entry: &Entry) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}
