//! How the story is told: chapters, and steps with the time they took.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The teller.
#[derive(Debug, Default)]
pub(super) struct Story {
    chapters: u32,
}

impl Story {
    /// Begins a chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        if self.chapters > 0 {
            say!();
        }
        self.chapters += 1;
        say!("{}. {title}", self.chapters);
    }

    /// Tells a step that took a while.
    pub(super) fn step(&self, took: Duration, what: impl Display) {
        say!("{:>8} ms  {what}", took.as_millis());
    }

    /// Tells something that is no step.
    pub(super) fn remark(&self, what: &str) {
        say!("             {what}");
    }
}

/// Asks again and again until there is an answer, and says what was waited for when there never is.
pub(super) async fn poll<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if began.elapsed() > patience {
            bail!("waited {} s in vain for {what}", patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Won with separators: `150,000 won`.
pub(super) fn won(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{}{text} won", if amount < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::won;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        assert_eq!(won(0), "0 won");
        assert_eq!(won(90_000), "90,000 won");
        assert_eq!(won(-1_234_567), "-1,234,567 won");
    }
}
