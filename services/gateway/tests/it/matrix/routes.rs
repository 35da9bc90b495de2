//! The routes as `design.md` §2 and §3 name them: method, path, who may call, who answers, requests per minute, and what
//! else is special. A route that stands only here or only in the gateway's table fails a test.

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anybody,
    User,
    Admin,
}

/// One route.
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) who: Who,
    pub(super) service: &'static str,
    limit: &'static str,
    options: &'static str,
}

const fn row(
    method: &'static str,
    path: &'static str,
    who: Who,
    service: &'static str,
    limit: &'static str,
    options: &'static str,
) -> Row {
    Row {
        method,
        path,
        who,
        service,
        limit,
        options,
    }
}

use Who::{Admin, Anybody, User};

pub(super) const ROUTES: &[Row] = &[
    row("GET", "/", Anybody, "gateway", "none", ""),
    row("GET", "/config", Anybody, "gateway", "300/ip", ""),
    row("GET", "/openapi.json", Anybody, "gateway", "300/ip", ""),
    row("GET", "/docs", Anybody, "gateway", "300/ip", ""),
    row("GET", "/docs/{asset}", Anybody, "gateway", "300/ip", ""),
    row("GET", "/operator", Anybody, "gateway", "300/ip", ""),
    row("GET", "/admin/stats", Admin, "gateway", "none", ""),
    row("GET", "/health/live", Anybody, "gateway", "none", ""),
    row("GET", "/health/ready", Anybody, "gateway", "none", ""),
    row("GET", "/metrics", Anybody, "gateway", "none", ""),
    row("POST", "/auth/register", Anybody, "user", "10/ip", ""),
    row("POST", "/auth/login", Anybody, "user", "10/ip", ""),
    row("POST", "/auth/refresh", Anybody, "user", "200/ip", ""),
    row("POST", "/auth/logout", User, "user", "200/user", ""),
    row(
        "GET",
        "/auth/oauth2/{provider}/authorize",
        Anybody,
        "user",
        "100/ip",
        "",
    ),
    row(
        "GET",
        "/auth/oauth2/{provider}/callback",
        Anybody,
        "user",
        "100/ip",
        "no-retry",
    ),
    row("POST", "/auth/oauth2/signup", Anybody, "user", "10/ip", ""),
    row("POST", "/auth/password/reset", Anybody, "user", "10/ip", ""),
    row("POST", "/auth/reactivate", Anybody, "user", "10/ip", ""),
    row("GET", "/terms", Anybody, "user", "300/ip", ""),
    row("GET", "/users/me", User, "user", "200/user", ""),
    row("PUT", "/users/me", User, "user", "100/user", ""),
    row("DELETE", "/users/me", User, "user", "20/user", ""),
    row("PUT", "/users/me/password", User, "user", "20/user", "no-retry"),
    row(
        "POST",
        "/users/me/social-accounts/{provider}",
        User,
        "user",
        "20/user",
        "",
    ),
    row(
        "DELETE",
        "/users/me/social-accounts/{provider}",
        User,
        "user",
        "20/user",
        "",
    ),
    row("GET", "/users/me/login-history", User, "user", "200/user", ""),
    row("GET", "/users/admin/stats", Admin, "user", "none", ""),
    row("GET", "/admin/users", Admin, "user", "none", ""),
    row("GET", "/admin/users/{id}", Admin, "user", "none", ""),
    row("POST", "/admin/users/{id}/lock", Admin, "user", "none", ""),
    row("POST", "/admin/users/{id}/unlock", Admin, "user", "none", ""),
    row("GET", "/events", Anybody, "event", "300/ip", ""),
    row("GET", "/events/{id}", Anybody, "event", "300/ip", ""),
    row("GET", "/events/{id}/seats", User, "event", "200/user", ""),
    row("GET", "/events/admin/stats", Admin, "event", "none", ""),
    row("POST", "/events", Admin, "event", "none", ""),
    row("PUT", "/events/{id}", Admin, "event", "none", ""),
    row("DELETE", "/events/{id}", Admin, "event", "none", ""),
    row("POST", "/events/{id}/cancel", Admin, "event", "none", ""),
    row("PUT", "/events/{id}/poster", Admin, "event", "none", "body=5242880"),
    row("GET", "/venues", Anybody, "event", "300/ip", ""),
    row("GET", "/venues/{id}", Anybody, "event", "300/ip", ""),
    row("GET", "/venues/{venueId}/halls", Anybody, "event", "300/ip", ""),
    row("POST", "/venues", Admin, "event", "none", ""),
    row("PUT", "/venues/{id}", Admin, "event", "none", ""),
    row("DELETE", "/venues/{id}", Admin, "event", "none", ""),
    row("POST", "/venues/{venueId}/halls", Admin, "event", "none", ""),
    row("PUT", "/venues/{venueId}/halls/{hallId}", Admin, "event", "none", ""),
    row("DELETE", "/venues/{venueId}/halls/{hallId}", Admin, "event", "none", ""),
    row("POST", "/queue/enter", User, "queue", "100/user", ""),
    row("GET", "/queue/status", User, "queue", "60/user", ""),
    row("DELETE", "/queue/leave", User, "queue", "100/user", ""),
    row("GET", "/queue/stream", User, "queue", "20/user", "stream"),
    row("GET", "/queue/admin/stats", Admin, "queue", "none", ""),
    row("GET", "/queue/admin/lines", Admin, "queue", "none", ""),
    row("PUT", "/queue/admin/events/{eventId}", Admin, "queue", "none", ""),
    row(
        "GET",
        "/reservations/seats/{eventId}",
        User,
        "reservation",
        "200/user",
        "",
    ),
    row(
        "POST",
        "/reservations/hold",
        User,
        "reservation",
        "20/user 50/ip",
        "queue-token=RESERVATION",
    ),
    row(
        "PUT",
        "/reservations/hold/{id}",
        User,
        "reservation",
        "20/user 50/ip",
        "",
    ),
    row(
        "DELETE",
        "/reservations/hold/{id}",
        User,
        "reservation",
        "20/user 50/ip",
        "",
    ),
    row(
        "POST",
        "/reservations/hold/{id}/payment-token",
        User,
        "reservation",
        "20/user 50/ip",
        "",
    ),
    row("GET", "/reservations", User, "reservation", "200/user", ""),
    row("GET", "/reservations/{id}", User, "reservation", "200/user", ""),
    row("DELETE", "/reservations/{id}", User, "reservation", "20/user 50/ip", ""),
    row("GET", "/reservations/admin/stats", Admin, "reservation", "none", ""),
    row(
        "POST",
        "/payments",
        User,
        "payment",
        "20/user 50/ip",
        "queue-token=PAYMENT",
    ),
    row("POST", "/payments/confirm", User, "payment", "20/user 50/ip", ""),
    row("GET", "/payments", User, "payment", "200/user", ""),
    row("GET", "/payments/{id}", User, "payment", "200/user", ""),
    row("POST", "/payments/webhook/portone", Anybody, "payment", "600/ip", ""),
    row("GET", "/payments/admin/stats", Admin, "payment", "none", ""),
];

impl Row {
    /// As it would stand in the gateway's table, with the limit's numbers in place of its name.
    pub(super) fn line(&self) -> String {
        let who = match self.who {
            Anybody => "public",
            User => "user",
            Admin => "admin",
        };
        let line = [self.method, self.path, who, self.service, self.limit, self.options];
        line.join(" ").trim_end().to_owned()
    }

    /// The kind of queue token that it asks for.
    pub(super) fn queue_token(&self) -> Option<&'static str> {
        self.options.strip_prefix("queue-token=")
    }

    /// A path that has this route.
    pub(super) fn concrete_path(&self) -> String {
        concrete(self.path)
    }
}

/// The pattern with values for its parameters.
pub(super) fn concrete(path: &str) -> String {
    let value = |segment: &str| match segment {
        "{provider}" => "kakao".to_owned(),
        "{asset}" => "docs.js".to_owned(),
        _ if segment.starts_with('{') => "0197c7a0-0000-7000-8000-000000000001".to_owned(),
        _ => segment.to_owned(),
    };
    path.split('/').map(value).collect::<Vec<_>>().join("/")
}
