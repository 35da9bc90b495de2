//! How the sale stands, for people.

use crate::onsale::verdict::Moment;
use std::io::{IsTerminal, Write};

/// Where there is no terminal, a line is shown so many seconds after the one before.
const LINE_EVERY: f64 = 10.0;

/// What is looked at meanwhile.
#[derive(Default)]
pub(super) struct Screen {
    /// When the next line is due, in seconds from the opening.
    next: f64,
}

impl Screen {
    /// One line that stays on a terminal, and a line every ten seconds elsewhere.
    pub(super) fn show(&mut self, moment: &Moment, ended: u64) {
        let mut out = std::io::stdout();
        // A screen that is gone is no reason to stop.
        let _ = if out.is_terminal() {
            write!(out, "\r\x1b[2K{}", line(moment, ended))
        } else if self.is_due(moment.at) {
            writeln!(out, "{}", line(moment, ended))
        } else {
            Ok(())
        };
        let _ = out.flush();
    }

    /// A look that took long makes a line late, but not missing.
    fn is_due(&mut self, at: f64) -> bool {
        let due = at >= self.next;
        if due {
            self.next = (at / LINE_EVERY).floor().mul_add(LINE_EVERY, LINE_EVERY);
        }
        due
    }
}

fn line(moment: &Moment, ended: u64) -> String {
    format!(
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
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_every_ten_seconds_and_after_a_long_look_late() {
        let mut screen = Screen::default();
        let shown: Vec<f64> = [0.0, 0.0, 1.0, 9.9, 10.4, 11.4, 19.0, 31.5, 32.5, 40.0]
            .into_iter()
            .filter(|at| screen.is_due(*at))
            .collect();
        assert_eq!(shown, [0.0, 10.4, 31.5, 40.0]);
    }
}
