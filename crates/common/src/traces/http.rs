//! Spans of HTTP requests, as OpenTelemetry's conventions have them.

use super::Span;
use http::Method;
use uuid::Uuid;

/// A request that was answered.
#[derive(Debug)]
pub struct ServerCall<'a> {
    /// The method.
    pub method: &'a Method,
    /// The pattern, such as `/events/{id}`; none if nothing matched.
    pub route: Option<&'a str>,
    /// As it came, without the query. Not told where it names a user.
    pub path: &'a str,
    /// The reply's.
    pub status: u16,
    /// As in the logs.
    pub request_id: &'a str,
}

impl ServerCall<'_> {
    /// Describes it. Only a 5xx is a failure: a 4xx is the client's.
    pub fn describe(&self, span: &mut Span) {
        match self.route {
            Some(route) => {
                span.name(format!("{} {route}", self.method));
                span.set("http.route", route.to_owned());
                if !names_a_user(route) {
                    span.set("url.path", self.path.to_owned());
                }
            }
            // Whatever somebody typed there is nobody's business.
            None => span.name("unmatched"),
        }
        span.set("http.request.method", self.method.to_string());
        span.set("http.response.status_code", i64::from(self.status));
        span.set("request.id", self.request_id.to_owned());
        if self.status >= 500 {
            span.failed(self.status.to_string());
        }
    }
}

/// Whether paths of this pattern have a user's id in them, which no span tells: `/admin/users/{id}/lock`, or `{userId}`
/// anywhere.
fn names_a_user(route: &str) -> bool {
    let mut before = "";
    route.split('/').any(|segment| {
        let of = std::mem::replace(&mut before, segment);
        segment.starts_with('{') && (of == "users" || segment.to_ascii_lowercase().contains("user"))
    })
}

/// A call to somebody else.
#[derive(Debug)]
pub struct ClientCall<'a> {
    /// Who was called, `payment-service`.
    pub peer: &'static str,
    /// The method.
    pub method: &'a Method,
    /// The path's pattern.
    pub target: String,
    /// The reply's, if it is known.
    pub status: Option<u16>,
    /// Why there was none, in one of few words.
    pub error: Option<&'static str>,
}

impl ClientCall<'_> {
    /// Describes it.
    pub fn describe(self, span: &mut Span) {
        span.name(format!("{} {}", self.method, self.target));
        span.set("http.request.method", self.method.to_string());
        span.set("url.template", self.target);
        span.set("service.peer.name", self.peer);
        if let Some(status) = self.status {
            span.set("http.response.status_code", i64::from(status));
        }
        match (self.error, self.status) {
            (Some(error), _) => span.failed(error),
            (None, Some(status)) if status >= 400 => span.failed(status.to_string()),
            (None, _) => {}
        }
    }
}

/// A path with its ids taken out, so that there are few of them.
#[must_use]
pub fn template(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let segments = path.split('/').map(|segment| {
        if Uuid::try_parse(segment).is_ok() {
            "{id}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_name_a_user_are_known() {
        for route in [
            "/admin/users/{id}",
            "/admin/users/{id}/lock",
            "/internal/lines/{userId}",
            "/x/{user_id}/y",
        ] {
            assert!(names_a_user(route), "{route}");
        }
        for route in [
            "/users/me",
            "/events/{id}",
            "/admin/users",
            "/users/me/things/{id}",
            "/",
        ] {
            assert!(!names_a_user(route), "{route}");
        }
    }
}
