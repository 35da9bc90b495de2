//! What the gateway lets through. The table is data (`default.routes`, one line per route) and an allow-list: a path that
//! stands in no line is 404 here and never reaches a service, so a service's new route is closed until somebody decides
//! who may call it.

mod fallback;
mod limits;
mod parse;
mod route;

pub(crate) use limits::{LimitClass, LimitScale, Quota, QuotaFields, Subject};
pub(crate) use route::{Access, Route, Target, TokenKind};

use common::config::{ConfigError, Env};
use http::{HeaderValue, Method};
use std::sync::Arc;

const DEFAULT_ROUTES: &str = include_str!("default.routes");

/// The limit that failed access tokens count against.
const AUTH_FAILURE: &str = "auth-failure";

/// The route table, ready to be asked.
#[derive(Clone)]
pub(crate) struct RouteTable {
    paths: Arc<matchit::Router<PathEntry>>,
    limits: Arc<Vec<Arc<LimitClass>>>,
    auth_failure: Arc<LimitClass>,
}

/// The routes of one path.
#[derive(Debug, Default)]
struct PathEntry {
    routes: Vec<Arc<Route>>,
    allow: Option<HeaderValue>,
}

/// What the table says about a request.
#[derive(Debug)]
pub(crate) enum Match<'a> {
    /// It has a route.
    Route(&'a Arc<Route>),
    /// The path is known, the method is not: the text of `Allow`.
    OtherMethods(HeaderValue),
    /// Nothing is there.
    Nothing,
}

impl RouteTable {
    /// The default table with what the environment changes; every limit is scaled.
    ///
    /// # Errors
    /// When a line or limit cannot be used; the error names it.
    pub(crate) fn from_env(env: &Env, scale: LimitScale) -> Result<Self, ConfigError> {
        let parsed = parse::Parsed::read(DEFAULT_ROUTES)
            .and_then(|parsed| parsed.override_with(env.optional("GATEWAY_ROUTES").unwrap_or_default()))
            .map_err(|reason| ConfigError::new("GATEWAY_ROUTES", reason))?;
        let mut limits = Vec::with_capacity(parsed.limits.len());
        for (name, rates) in &parsed.limits {
            let variable = format!("RATE_LIMIT_{}", name.to_uppercase().replace('-', "_"));
            let text = env.string_or(&variable, &rates.to_string());
            let rates =
                limits::Rates::parse(text.split_whitespace()).map_err(|why| ConfigError::new(&variable, why))?;
            limits.push(Arc::new(LimitClass::new(name, rates, scale)));
        }
        Self::build(&parsed, limits).map_err(|reason| ConfigError::new("GATEWAY_ROUTES", reason))
    }

    fn build(parsed: &parse::Parsed, limits: Vec<Arc<LimitClass>>) -> Result<Self, String> {
        let find = |name: &str| limits.iter().find(|limit| limit.name() == name).cloned();
        let mut entries: Vec<(&parse::RouteLine, PathEntry)> = Vec::new();
        for line in &parsed.routes {
            let limit =
                find(&line.limit).ok_or_else(|| format!("{}: no limit is named `{}`", line.place, line.limit))?;
            if line.is_public() && limit.per_ip().is_none() && limit.per_user().is_some() {
                return Err(format!(
                    "{}: the limit `{}` counts users, and the route is public",
                    line.place, line.limit
                ));
            }
            let route = Arc::new(line.to_route(limit));
            match entries.iter_mut().find(|(other, _)| other.path == line.path) {
                Some((_, entry)) => entry.routes.push(route),
                None => entries.push((
                    line,
                    PathEntry {
                        routes: vec![route],
                        allow: None,
                    },
                )),
            }
        }
        let mut paths = matchit::Router::new();
        for (line, mut entry) in entries {
            entry.allow = allow(&entry.routes);
            paths
                .insert(&line.path, entry)
                .map_err(|error| format!("{}: `{}`: {error}", line.place, line.path))?;
        }
        let auth_failure = find(AUTH_FAILURE).ok_or_else(|| format!("no limit is named `{AUTH_FAILURE}`"))?;
        Ok(Self {
            paths: Arc::new(paths),
            limits: Arc::new(limits),
            auth_failure,
        })
    }

    /// The route for a method and a normalised path. HEAD is asked as GET.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Match<'_> {
        let Ok(found) = self.paths.at(path) else {
            return Match::Nothing;
        };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        match found.value.routes.iter().find(|route| route.method == *method) {
            Some(route) => Match::Route(route),
            None => found.value.allow.clone().map_or(Match::Nothing, Match::OtherMethods),
        }
    }

    /// The limit that failed access tokens count against.
    pub(crate) fn auth_failure(&self) -> &Arc<LimitClass> {
        &self.auth_failure
    }

    /// Every limit, for what must be done with each.
    pub(crate) fn limits(&self) -> &[Arc<LimitClass>] {
        &self.limits
    }
}

fn allow(routes: &[Arc<Route>]) -> Option<HeaderValue> {
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    HeaderValue::from_str(&methods.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Backend;

    fn table(extra: &[(&str, &str)]) -> Result<RouteTable, ConfigError> {
        RouteTable::from_env(
            &Env::from_pairs(extra.iter().copied()).unwrap(),
            LimitScale { factor: 1, replicas: 1 },
        )
    }

    fn route(table: &RouteTable, method: &Method, path: &str) -> Arc<Route> {
        match table.find(method, path) {
            Match::Route(route) => Arc::clone(route),
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    #[test]
    fn a_literal_segment_wins_over_a_parameter() {
        let table = table(&[]).unwrap();
        assert_eq!(
            route(&table, &Method::GET, "/reservations/seats/1").metrics.route(),
            "/reservations/seats/{eventId}"
        );
        assert_eq!(
            route(&table, &Method::GET, "/reservations/1").metrics.route(),
            "/reservations/{id}"
        );
        assert_eq!(
            route(&table, &Method::POST, "/payments").queue_token,
            Some(TokenKind::Payment)
        );
    }

    #[test]
    fn a_known_path_with_another_method_says_which_are_there() {
        let table = table(&[]).unwrap();
        let Match::OtherMethods(allow) = table.find(&Method::PATCH, "/events/1") else {
            panic!("no 405")
        };
        assert_eq!(allow, "GET, PUT, DELETE, HEAD, OPTIONS");
        assert!(matches!(table.find(&Method::GET, "/nowhere"), Match::Nothing));
        assert!(matches!(table.find(&Method::GET, "/eventsx"), Match::Nothing));
    }

    #[test]
    fn the_environment_replaces_and_adds_lines() {
        let lines =
            "route GET /events user event default; limit slow 1/ip; route GET /events/{id}/extra public queue slow";
        let table = table(&[("GATEWAY_ROUTES", lines), ("RATE_LIMIT_LOGIN", "3/ip 4/user")]).unwrap();
        assert_eq!(route(&table, &Method::GET, "/events").access, Access::User);
        assert_eq!(
            route(&table, &Method::GET, "/events/1/extra").target,
            Target::Backend(Backend::Queue)
        );
        let login = route(&table, &Method::POST, "/auth/login");
        assert_eq!(login.limit.per_ip().map(Quota::per_minute), Some(3));
        assert_eq!(login.limit.per_user().map(Quota::per_minute), Some(4));
    }

    #[test]
    fn a_bad_table_is_refused_with_the_line_at_fault() {
        for (lines, place) in [
            ("allow everything", "line 1: `allow`"),
            ("route GET /x public event none\nalow x", "line 2: `alow`"),
            ("# a comment; with a semicolon\n\nallow x", "line 3: `allow`"),
            ("limit a none; limit b none\nallow x", "line 2: `allow`"),
            ("limit", "line 1: the limit has no name"),
            ("limit a", "line 1: the limit has no numbers"),
            ("limit a 10", "line 1: `10`"),
            ("limit a ten/ip", "line 1: `ten/ip`"),
            ("limit a 0/ip", "line 1: `0/ip`"),
            ("limit a -1/ip", "line 1: `-1/ip`"),
            ("limit a 10/hour", "line 1: `10/hour`"),
            ("limit a 1000001/ip", "line 1: `1000001/ip`"),
            ("limit a none 10/ip", "line 1: `10/ip`"),
            ("limit a 10/ip none", "line 1: `none`"),
            ("limit a 10/ip 20/ip", "line 1: `20/ip`"),
            ("limit a none\nlimit a 1/ip", "line 2: the limit `a` stands here twice"),
            ("route", "line 1: the method is missing"),
            ("route GET", "line 1: the path is missing"),
            ("route GET /x", "line 1: the access is missing"),
            ("route GET /x public", "line 1: the service is missing"),
            ("route GET /x public event", "line 1: the limit is missing"),
            ("route get /x public event none", "line 1: `get`"),
            ("route PATCH /x public event none", "line 1: `PATCH`"),
            ("route GET x public event none", "line 1: `x`"),
            ("route GET /x//y public event none", "line 1: `/x//y`"),
            ("route GET /x/../y public event none", "line 1: `/x/../y`"),
            ("route GET /%78 public event none", "line 1: `/%78`"),
            ("route GET /internal/x user event none", "line 1: `/internal/x`"),
            ("route GET /INTERNAL user event none", "line 1: `/INTERNAL`"),
            ("limit a none\nroute GET /x anyone event none", "line 2: `anyone`"),
            ("route GET /x public nobody none", "line 1: `nobody`"),
            (
                "limit a none\n\nroute GET /x public event nolimit",
                "line 3: no limit is named `nolimit`",
            ),
            (
                "route GET /x public event default",
                "line 1: the limit `default` counts users",
            ),
            ("route GET /x user event none often", "line 1: `often`"),
            ("route GET /x user event none body=large", "line 1: `body=large`"),
            ("route GET /x user event none body=-1", "line 1: `body=-1`"),
            ("route GET /x user event none stream=1", "line 1: `stream=1`"),
            (
                "route GET /x user event none queue-token=NONE",
                "line 1: `queue-token=NONE`",
            ),
            (
                "route POST /x public event none queue-token=PAYMENT",
                "line 1: a queue token is somebody's",
            ),
            (
                "route GET /x user event none\nroute GET /x public event none",
                "line 2: `GET /x` stands here twice",
            ),
            ("route GET /{a user event none", "line 1: `/{a`"),
            (
                "\nroute GET /events/{other} public event none",
                "line 2: `/events/{other}`",
            ),
        ] {
            let error = table(&[("GATEWAY_ROUTES", lines)])
                .err()
                .unwrap_or_else(|| panic!("taken: {lines}"));
            assert!(error.reason.starts_with(place), "{lines}: {error}");
        }
    }
}
