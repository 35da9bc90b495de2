use chrono::{DateTime, FixedOffset, NaiveTime, Utc};

/// Korea has one time zone and no summer time.
const SEOUL_SECONDS_EAST: i32 = 9 * 60 * 60;

/// Until when a confirmed reservation of a concert that begins at `event_start` may be cancelled: 00:00 in Seoul on the
/// day of the concert (`design.md` §3.4).
pub(crate) fn cancellable_until(event_start: DateTime<Utc>) -> DateTime<Utc> {
    let Some(seoul) = FixedOffset::east_opt(SEOUL_SECONDS_EAST) else {
        return event_start;
    };
    let midnight = event_start.with_timezone(&seoul).date_naive().and_time(NaiveTime::MIN);
    midnight
        .and_local_timezone(seoul)
        .single()
        .map_or(event_start, |midnight| midnight.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn cancelling_closes_at_midnight_in_seoul() {
        // 19:00 in Seoul on the 11th.
        assert_eq!(
            cancellable_until(at("2026-01-11T10:00:00Z")),
            at("2026-01-10T15:00:00Z")
        );
        // Already the 12th in Seoul, still the 11th in UTC.
        assert_eq!(
            cancellable_until(at("2026-01-11T15:00:00Z")),
            at("2026-01-11T15:00:00Z")
        );
        assert_eq!(
            cancellable_until(at("2026-01-11T14:59:59Z")),
            at("2026-01-10T15:00:00Z")
        );
    }
}
