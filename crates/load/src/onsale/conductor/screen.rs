//! How the sale stands, for people.

use crate::onsale::verdict::Moment;
use std::io::{IsTerminal, Write};

/// One line that stays on a terminal, and a line every ten seconds elsewhere.
pub(super) fn show(moment: &Moment, ended: u64) {
    let line = format!(
        "{:4.0} s  entered {}  waiting {}  admitted {}  holding {}  paid {}  confirmed {}  sold {}  home {ended}  {:.0} requests/s  errors {}",
        moment.at,
        moment.entered,
        moment.waiting,
        moment.admitted,
        moment.holding,
        moment.paid,
        moment.confirmed,
        moment.sold,
        moment.requests_per_second,
        moment.failures,
    );
    let mut out = std::io::stdout();
    // A screen that is gone is no reason to stop.
    let _ = if out.is_terminal() {
        write!(out, "\r\x1b[2K{line}")
    } else if moment.at % 10.0 < 1.0 {
        writeln!(out, "{line}")
    } else {
        Ok(())
    };
    let _ = out.flush();
}
