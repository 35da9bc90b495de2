use crate::domain::Violations;
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a concert is between announcement and end. Follows from the time of the reply and is never stored or cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventStatus {
    /// Its sale has not begun.
    Upcoming,
    /// On sale.
    Ongoing,
    /// Its sale is over.
    Ended,
    /// It will not take place.
    Cancelled,
}

/// When a concert takes place and when it is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTimes {
    pub(crate) event_start_at: DateTime<Utc>,
    pub(crate) event_end_at: DateTime<Utc>,
    pub(crate) sale_start_at: DateTime<Utc>,
    pub(crate) sale_end_at: DateTime<Utc>,
}

impl EventTimes {
    /// Checks the order. The sale may begin in the past, which means at once, and may go on at the door until the end.
    pub(crate) fn check(&self, violations: &mut Violations) {
        for (field, time) in [
            ("eventStartAt", self.event_start_at),
            ("eventEndAt", self.event_end_at),
            ("saleStartAt", self.sale_start_at),
            ("saleEndAt", self.sale_end_at),
        ] {
            violations.require(in_range(time), field, "must be a time of the years 2000 to 9999");
        }
        violations.require(
            self.event_start_at < self.event_end_at,
            "eventEndAt",
            "must be after eventStartAt",
        );
        violations.require(
            self.sale_start_at < self.sale_end_at,
            "saleEndAt",
            "must be after saleStartAt",
        );
        violations.require(
            self.sale_end_at <= self.event_end_at,
            "saleEndAt",
            "must not be after eventEndAt",
        );
    }

    /// The status at `now`. The sale's window includes its start and excludes its end.
    pub(crate) fn status_at(&self, now: DateTime<Utc>, cancelled: bool) -> EventStatus {
        if cancelled {
            EventStatus::Cancelled
        } else if now < self.sale_start_at {
            EventStatus::Upcoming
        } else if now < self.sale_end_at {
            EventStatus::Ongoing
        } else {
            EventStatus::Ended
        }
    }
}

/// Whether the database can hold the time and an RFC 3339 reply can show it; chrono reads times far beyond both.
pub(crate) fn in_range(time: DateTime<Utc>) -> bool {
    (2000..=9999).contains(&time.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn times() -> EventTimes {
        EventTimes {
            event_start_at: at("2026-03-01T10:00:00Z"),
            event_end_at: at("2026-03-01T13:00:00Z"),
            sale_start_at: at("2026-01-11T10:00:00Z"),
            sale_end_at: at("2026-02-28T15:00:00Z"),
        }
    }

    fn broken_fields(times: &EventTimes) -> String {
        let mut violations = Violations::default();
        times.check(&mut violations);
        violations
            .finish()
            .map_or_else(|problem| problem.body("")["errors"].to_string(), |()| String::new())
    }

    #[test]
    fn the_status_moves_with_the_time() {
        let times = times();
        assert_eq!(
            times.status_at(at("2026-01-11T09:59:59Z"), false),
            EventStatus::Upcoming
        );
        assert_eq!(times.status_at(at("2026-01-11T10:00:00Z"), false), EventStatus::Ongoing);
        assert_eq!(times.status_at(at("2026-02-28T14:59:59Z"), false), EventStatus::Ongoing);
        assert_eq!(times.status_at(at("2026-02-28T15:00:00Z"), false), EventStatus::Ended);
        assert_eq!(
            times.status_at(at("2026-01-11T10:00:00Z"), true),
            EventStatus::Cancelled
        );
    }

    #[test]
    fn ends_come_after_starts() {
        assert_eq!(broken_fields(&times()), "");
        let backwards = EventTimes {
            event_end_at: at("2026-03-01T09:00:00Z"),
            ..times()
        };
        assert!(broken_fields(&backwards).contains("eventEndAt"));
        let never_sold = EventTimes {
            sale_end_at: times().sale_start_at,
            ..times()
        };
        assert!(broken_fields(&never_sold).contains("saleEndAt"));
        let sold_afterwards = EventTimes {
            sale_end_at: at("2026-03-01T13:00:01Z"),
            ..times()
        };
        assert!(broken_fields(&sold_afterwards).contains("saleEndAt"));
    }

    #[test]
    fn a_time_that_the_database_cannot_hold_is_refused() {
        let ancient = EventTimes {
            sale_start_at: DateTime::<Utc>::MIN_UTC,
            ..times()
        };
        assert!(broken_fields(&ancient).contains("saleStartAt"));
    }
}
