//! How commands tell what they found or did.

use std::process::ExitCode;

use serde::Serialize;

/// The exit code of a command that did its work and found something that needs somebody. What could not be done is 1, and a
/// command that is none 2.
const NEEDS_SOMEBODY: u8 = 3;

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Text,
    Json,
}

impl Output {
    /// Prints `value` where JSON is wanted, and says whether it did.
    pub(crate) fn json(self, value: &impl Serialize) -> serde_json::Result<bool> {
        if self == Self::Json {
            println!("{}", serde_json::to_string_pretty(value)?);
        }
        Ok(self == Self::Json)
    }
}

/// The exit code of a command that looks whether all is well.
pub(crate) fn verdict(is_well: bool) -> ExitCode {
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NEEDS_SOMEBODY)
    }
}
