//! Replies as bytes, made once for as long as they stay the same.

use crate::domain::EventTimes;
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use common::problem::Problem;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use std::{
    io::Write as _,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Smaller replies gain nothing by compression.
const WORTH_COMPRESSING: usize = 1024;

/// A body in JSON, as it stands and, once somebody wants it, compressed.
pub(crate) struct Rendered {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    /// Between these moments no status in it changes.
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    /// What else it was made of.
    of: i64,
}

impl Rendered {
    /// A 200 with the form that the client takes.
    pub(crate) fn reply(&self, request: &HeaderMap) -> Response {
        if self.plain.len() >= WORTH_COMPRESSING && takes_gzip(request) {
            return gzipped(self.gzip.get_or_init(|| compressed(&self.plain)).clone());
        }
        plain(self.plain.clone())
    }
}

/// The last rendering of something cached.
#[derive(Default)]
pub(crate) struct LastRendered(Mutex<Option<Arc<Rendered>>>);

impl LastRendered {
    /// The rendering that holds at `now` and was made of `of`, a number that tells what it is apart from other such things;
    /// made anew if it is not the last one.
    pub(crate) fn at<T: Serialize>(
        &self,
        now: DateTime<Utc>,
        of: i64,
        times: impl Iterator<Item = EventTimes>,
        make: impl FnOnce() -> T,
    ) -> Result<Arc<Rendered>, Problem> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rendered) = &*last
            && rendered.of == of
            && rendered.from <= now
            && now < rendered.until
        {
            return Ok(Arc::clone(rendered));
        }
        let (from, until) = between(now, times);
        let plain = serde_json::to_vec(&make()).map_err(|error| Problem::internal(&error))?;
        let rendered = Arc::new(Rendered {
            plain: plain.into(),
            gzip: OnceLock::new(),
            from,
            until,
            of,
        });
        *last = Some(Arc::clone(&rendered));
        Ok(rendered)
    }
}

/// The moments around `now` at which one of the concerts goes on sale or off it.
fn between(now: DateTime<Utc>, times: impl Iterator<Item = EventTimes>) -> (DateTime<Utc>, DateTime<Utc>) {
    let (mut from, mut until) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for moment in times.flat_map(|times| [times.sale_start_at, times.sale_end_at]) {
        if moment <= now {
            from = from.max(moment);
        } else {
            until = until.min(moment);
        }
    }
    (from, until)
}

/// A 200 with these bytes of JSON.
pub(crate) fn plain(body: Bytes) -> Response {
    json(body, None)
}

/// A 200 with these compressed bytes of JSON. The gateway passes it on as it is.
pub(crate) fn gzipped(body: Bytes) -> Response {
    json(body, Some(HeaderValue::from_static("gzip")))
}

fn json(body: Bytes, encoding: Option<HeaderValue>) -> Response {
    let mut response = Body::from(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    response
}

/// Whether the client takes gzip.
pub(crate) fn takes_gzip(request: &HeaderMap) -> bool {
    let mut any = false;
    for value in request.get_all(header::ACCEPT_ENCODING) {
        for coding in value.to_str().unwrap_or_default().split(',') {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            let accepted = weight.is_none_or(|weight| weight > 0.0);
            if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                return accepted;
            }
            any |= name == "*" && accepted;
        }
    }
    any
}

fn compressed(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    // Writing to memory does not fail.
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let takes = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            takes_gzip(&headers)
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("*") && takes("x-gzip, br"));
        assert!(!takes("br") && !takes("gzip;q=0, *") && !takes("*;q=0") && !takes("") && !takes("identity"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_rendering_holds_until_a_status_moves_and_no_longer() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let times = EventTimes {
            event_start_at: at("2026-03-01T10:00:00Z"),
            event_end_at: at("2026-03-01T13:00:00Z"),
            sale_start_at: at("2026-01-11T10:00:00Z"),
            sale_end_at: at("2026-02-28T15:00:00Z"),
        };
        let last = LastRendered::default();
        let mut made = 0;
        for (now, of, expected) in [
            ("2026-01-11T09:59:59Z", 1, 1),
            ("2026-01-01T00:00:00Z", 1, 1),
            ("2026-01-11T10:00:00Z", 1, 2),
            ("2026-02-28T14:59:59Z", 1, 2),
            ("2026-02-28T14:59:59Z", 2, 3),
            ("2026-02-28T15:00:00Z", 2, 4),
            ("2027-02-28T15:00:00Z", 2, 4),
        ] {
            let _rendered = last.at(at(now), of, std::iter::once(times), || made += 1).unwrap();
            assert_eq!(made, expected, "{now}");
        }
    }
}
