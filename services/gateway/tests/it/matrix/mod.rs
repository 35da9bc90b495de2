//! Every public route by every kind of caller (`design.md` §3): what must hold whatever the services answer. The table of
//! routes is written out in [`routes`], not taken from the gateway, so that opening a route takes two decisions.

mod callers;
mod routes;

use crate::{
    helpers::{Recorded, Upstream, World},
    wire,
};
use callers::{Caller, Outcome};
use futures_util::{StreamExt, stream};
use routes::{ROUTES, Row, Who};
use std::collections::{BTreeMap, BTreeSet};

/// So many requests are under way at once.
const AT_ONCE: usize = 16;

const TABLE: &str = include_str!("../../../src/route_table/default.routes");

/// The gateway before one stand-in per service.
struct Town {
    world: World,
    services: BTreeMap<&'static str, Upstream>,
}

impl Town {
    async fn new() -> Self {
        let mut services = BTreeMap::new();
        let mut settings = vec![("RATE_LIMIT_PROFILE".to_owned(), "loadtest".to_owned())];
        for name in ["user", "event", "queue", "reservation", "payment"] {
            let service = Upstream::start().await;
            settings.push((format!("{}_SERVICE_URL", name.to_uppercase()), service.url()));
            services.insert(name, service);
        }
        let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
        Self {
            world: World::with(&settings).await,
            services,
        }
    }

    /// Who got a request, and as what.
    fn seen(&self, id: &str) -> Vec<(&'static str, Recorded)> {
        let of = |(name, service): (&&'static str, &Upstream)| {
            let requests = service.requests().into_iter();
            let own = requests.filter(|got| got.header("x-request-id") == Some(id));
            own.map(|got| (*name, got)).collect::<Vec<_>>()
        };
        self.services.iter().flat_map(of).collect()
    }

    /// What is wrong with one cell of the matrix.
    async fn check(&self, row: &Row, caller: &Caller, id: &str) -> Option<String> {
        let request = format!(
            "{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: {id}\r\nContent-Length: 0\r\n{}{}\r\n",
            row.method,
            row.concrete_path(),
            caller.headers,
            caller.queue_token(row),
        );
        let replies = match wire::exchange(self.world.gateway.address(), request.as_bytes()).await {
            Ok(replies) => replies,
            Err(error) => return Some(error),
        };
        let [reply] = replies.as_slice() else {
            return Some(format!("{} replies", replies.len()));
        };
        let seen = self.seen(id);
        match caller.outcome(row) {
            Outcome::Refused(status, code) => {
                let as_wanted = (reply.status, reply.code().as_str()) == (status, code) && seen.is_empty();
                (!as_wanted).then(|| format!("not {status} {code}: {reply:?}, seen by {seen:?}"))
            }
            Outcome::Served(_) if row.service == "gateway" => {
                (reply.status != 200 || !seen.is_empty()).then(|| format!("{reply:?}, seen by {seen:?}"))
            }
            Outcome::Served(identity) => {
                let [(service, got)] = seen.as_slice() else {
                    return Some(format!("{reply:?}, seen by {seen:?}"));
                };
                let said = (got.header("x-user-id"), got.header("x-user-role"));
                let wanted = identity.map_or((None, None), |(id, role)| (Some(id), Some(role)));
                let as_wanted = (reply.status, *service, got.target.as_str(), said)
                    == (200, row.service, &row.concrete_path(), wanted)
                    && got.headers.get_all("x-user-id").iter().count() == usize::from(wanted.0.is_some());
                (!as_wanted).then(|| format!("{service} got {got:?}"))
            }
        }
    }
}

#[tokio::test]
async fn each_route_serves_whom_it_is_for_and_nobody_else() {
    let town = Town::new().await;
    let callers = callers::all(&town.world).await;
    let cells = ROUTES.iter().enumerate().flat_map(|(number, row)| {
        let callers = callers.iter().enumerate();
        callers.map(move |(column, caller)| (row, caller, format!("cell-{number}-{column}")))
    });
    let wrong: Vec<String> = stream::iter(cells)
        .map(|(row, caller, id)| {
            let town = &town;
            async move {
                let why = town.check(row, caller, &id).await;
                why.map(|why| format!("{} {} by {}: {why}", row.method, row.path, caller.name))
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405_and_says_which_there_are() {
    let town = Town::new().await;
    let mut by_path: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in ROUTES {
        by_path.entry(row.path).or_default().insert(row.method);
    }
    let token = town.world.admin().token;
    for (path, methods) in by_path {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            if methods.contains(method) {
                continue;
            }
            let path = routes::concrete(path);
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: other\r\n\
                 Authorization: Bearer {token}\r\n\r\n"
            );
            let replies = wire::exchange(town.world.gateway.address(), request.as_bytes())
                .await
                .unwrap();
            let reply = &replies[0];
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (405, "METHOD_NOT_ALLOWED"),
                "{method} {path}"
            );
            let mut wanted = methods.clone();
            wanted.insert("OPTIONS");
            if methods.contains("GET") {
                wanted.insert("HEAD");
            }
            assert_eq!(
                reply.header("allow").split(", ").collect::<BTreeSet<_>>(),
                wanted,
                "{method} {path}"
            );
        }
    }
    assert!(town.seen("other").is_empty());
}

/// The words of the table's lines of one kind.
fn lines(kind: &str) -> Vec<Vec<&'static str>> {
    let lines = TABLE.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.first() == Some(&kind)).collect()
}

#[test]
fn the_gateways_table_is_that_of_the_design_line_by_line() {
    let limits: BTreeMap<&str, String> = lines("limit")
        .iter()
        .map(|words| (words[1], words[2..].join(" ")))
        .collect();
    let have: BTreeSet<String> = lines("route")
        .iter()
        .map(|words| {
            let mut words = words[1..].to_vec();
            let limit = &limits[words[4]];
            words[4] = limit;
            words.join(" ")
        })
        .collect();
    let want: BTreeSet<String> = ROUTES.iter().map(Row::line).collect();
    assert_eq!(want.len(), ROUTES.len(), "a route stands twice in the tests");
    assert!(
        have == want,
        "only in the gateway's table: {:#?}\nonly in the tests' table: {:#?}",
        have.difference(&want).collect::<Vec<_>>(),
        want.difference(&have).collect::<Vec<_>>()
    );
    assert!(ROUTES.iter().any(|row| row.who == Who::Admin));
}
