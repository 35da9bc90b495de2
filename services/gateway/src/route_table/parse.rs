//! Reads the table's text. Errors begin with the line at fault.

use super::{Access, LimitClass, Route, Target, TokenKind, limits::Rates};
use crate::{observe::RouteMetrics, proxy::Backend, steps::spelling::normalise};
use common::http::BODY_LIMIT_BYTES;
use http::Method;
use std::{collections::BTreeMap, sync::Arc};

/// A table as it stands in the text.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) limits: BTreeMap<String, Rates>,
    pub(super) routes: Vec<RouteLine>,
}

/// A `route` line.
#[derive(Debug)]
pub(super) struct RouteLine {
    pub(super) place: String,
    pub(super) path: String,
    pub(super) limit: String,
    method: Method,
    access: Access,
    target: Target,
    queue_token: Option<TokenKind>,
    body_limit: u64,
    stream: bool,
    retry: bool,
}

impl Parsed {
    /// Reads a whole table.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for (index, line) in text.lines().enumerate() {
            // A comment runs to the end of its line, also over semicolons.
            let statements = line.split('#').next().unwrap_or_default().split(';');
            for statement in statements {
                parsed.add(format!("line {}", index + 1), statement)?;
            }
        }
        Ok(parsed)
    }

    /// Adds lines; those of the same limit, or of the same method and path, are replaced. In a variable, `;` separates
    /// lines as well as the line break.
    pub(super) fn override_with(mut self, text: &str) -> Result<Self, String> {
        let added = Self::read(text)?;
        self.limits.extend(added.limits);
        self.routes
            .retain(|route| !added.routes.iter().any(|other| other.is_same(route)));
        self.routes.extend(added.routes);
        Ok(self)
    }

    fn add(&mut self, place: String, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        match words.next() {
            None => {}
            Some("limit") => {
                let name = words.next().ok_or_else(|| format!("{place}: the limit has no name"))?;
                let rates = Rates::parse(words).map_err(|why| format!("{place}: {why}"))?;
                if self.limits.insert(name.to_owned(), rates).is_some() {
                    return Err(format!("{place}: the limit `{name}` stands here twice"));
                }
            }
            Some("route") => {
                let route = RouteLine::parse(place, words)?;
                if self.routes.iter().any(|other| other.is_same(&route)) {
                    let RouteLine {
                        place, method, path, ..
                    } = route;
                    return Err(format!("{place}: `{method} {path}` stands here twice"));
                }
                self.routes.push(route);
            }
            Some(other) => return Err(format!("{place}: `{other}` is neither `limit` nor `route`")),
        }
        Ok(())
    }
}

impl RouteLine {
    fn parse<'a>(place: String, mut words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut next = |what: &str| words.next().ok_or_else(|| format!("{place}: the {what} is missing"));
        let bad = |word: &str, expected: &str| format!("{place}: `{word}` is not {expected}");

        let (method, path, access, target) = (next("method")?, next("path")?, next("access")?, next("service")?);
        let limit = next("limit")?.to_owned();
        let method = match method {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "DELETE" => Method::DELETE,
            _ => return Err(bad(method, "GET, POST, PUT or DELETE")),
        };
        // Requests come here under this one spelling, and none inside: another line would never serve anybody.
        if normalise(path).as_deref() != Ok(path) {
            return Err(bad(path, "a path in its plain spelling, outside of /internal"));
        }
        let access = match access {
            "public" => Access::Public,
            "user" => Access::User,
            "admin" => Access::Admin,
            _ => return Err(bad(access, "public, user or admin")),
        };
        let target = match (target, Backend::parse(target)) {
            ("gateway", _) => Target::Gateway,
            (_, Some(backend)) => Target::Backend(backend),
            _ => return Err(bad(target, "a service")),
        };
        let retry = method != Method::POST;
        let mut line = Self {
            path: path.to_owned(),
            limit,
            method,
            access,
            target,
            queue_token: None,
            body_limit: BODY_LIMIT_BYTES as u64,
            stream: false,
            retry,
            place: String::new(),
        };
        for option in words {
            line.apply(option).ok_or_else(|| bad(option, "an option"))?;
        }
        if line.queue_token.is_some() && access == Access::Public {
            return Err(format!("{place}: a queue token is somebody's, and the route is public"));
        }
        line.place = place;
        Ok(line)
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.method, &self.path) == (&other.method, &other.path)
    }

    fn apply(&mut self, option: &str) -> Option<()> {
        match option.split_once('=').unwrap_or((option, "")) {
            ("queue-token", kind) => self.queue_token = Some(TokenKind::parse(kind)?),
            ("body", bytes) => self.body_limit = bytes.parse().ok()?,
            ("stream", "") => self.stream = true,
            ("no-retry", "") => self.retry = false,
            _ => return None,
        }
        Some(())
    }

    /// Whether nobody is signed in whose requests could be counted.
    pub(super) fn is_public(&self) -> bool {
        self.access == Access::Public
    }

    pub(super) fn to_route(&self, limit: Arc<LimitClass>) -> Route {
        Route {
            method: self.method.clone(),
            access: self.access,
            target: self.target,
            limit,
            queue_token: self.queue_token,
            body_limit: self.body_limit,
            stream: self.stream,
            retry: self.retry,
            metrics: RouteMetrics::new(self.method.as_str(), &self.path),
        }
    }
}
