use super::fallback::Fallback;
use common::address::customer_of;
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};
use uuid::Uuid;

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The customer that a client address stands for.
    Address(IpAddr),
    /// A signed-in user.
    User(Uuid),
}

impl Subject {
    /// The subject that an address counts as.
    pub(crate) fn of_address(address: IpAddr) -> Self {
        Self::Address(customer_of(address))
    }
}

/// What scales the numbers of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitScale {
    /// Every limit is multiplied by this; 1 but for load tests.
    pub(crate) factor: u32,
    /// `GATEWAY_REPLICAS`, default 1: without Redis, each replica grants its share.
    pub(crate) replicas: u32,
}

/// Every limit is per minute (`design.md` §3).
const WINDOW: Duration = Duration::from_secs(60);

/// A limit's numbers as they stand in the table; `None` does not bind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rates {
    per_ip: Option<u32>,
    per_user: Option<u32>,
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.per_ip, self.per_user) {
            (None, None) => f.write_str("none"),
            (Some(ip), None) => write!(f, "{ip}/ip"),
            (None, Some(user)) => write!(f, "{user}/user"),
            (Some(ip), Some(user)) => write!(f, "{ip}/ip {user}/user"),
        }
    }
}

impl Rates {
    /// Reads `10/ip`, `20/user`, both, or `none`.
    pub(super) fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut rates = Self::default();
        let mut words = words.into_iter().peekable();
        if words.next_if_eq(&"none").is_some() {
            return match words.next() {
                None => Ok(rates),
                Some(word) => Err(format!("`{word}` stands behind `none`")),
            };
        }
        let any = words.peek().is_some();
        for word in words {
            let bad = || format!("`{word}` is not a limit such as 10/ip or 20/user");
            let (number, subject) = word.split_once('/').ok_or_else(bad)?;
            let number = number
                .parse()
                .ok()
                .filter(|number| (1..=1_000_000).contains(number))
                .ok_or_else(bad)?;
            let rate = match subject {
                "ip" => &mut rates.per_ip,
                "user" => &mut rates.per_user,
                _ => return Err(bad()),
            };
            if rate.replace(number).is_some() {
                return Err(format!("`{word}` is a second number for the same"));
            }
        }
        if any {
            Ok(rates)
        } else {
            Err("the limit has no numbers".to_owned())
        }
    }
}

/// A named limit. Routes with the same one share its count.
#[derive(Debug)]
pub(crate) struct LimitClass {
    name: String,
    per_ip: Option<Quota>,
    per_user: Option<Quota>,
}

impl LimitClass {
    pub(super) fn new(name: &str, rates: Rates, scale: LimitScale) -> Self {
        let quota = |rate: Option<u32>| rate.map(|rate| Quota::new(name, rate, scale));
        Self {
            name: name.to_owned(),
            per_ip: quota(rates.per_ip),
            per_user: quota(rates.per_user),
        }
    }

    /// The name in the table, in keys and in headers.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What one address may do.
    pub(crate) fn per_ip(&self) -> Option<&Quota> {
        self.per_ip.as_ref()
    }

    /// What one user may do.
    pub(crate) fn per_user(&self) -> Option<&Quota> {
        self.per_user.as_ref()
    }

    /// Both, where they bind.
    pub(crate) fn quotas(&self) -> impl Iterator<Item = &Quota> {
        self.per_ip.iter().chain(&self.per_user)
    }
}

/// So many requests a minute, all of which may come at once.
#[derive(Debug)]
pub(crate) struct Quota {
    per_minute: u32,
    fields: Arc<QuotaFields>,
    fallback: Fallback,
}

/// What replies say about a limit, as far as it is always the same.
#[derive(Debug)]
pub(crate) struct QuotaFields {
    name: String,
    limit: String,
    window: String,
}

impl QuotaFields {
    /// The limit's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Requests per window, in digits.
    pub(crate) fn limit(&self) -> &str {
        &self.limit
    }

    /// The window in seconds, in digits.
    pub(crate) fn window(&self) -> &str {
        &self.window
    }
}

impl Quota {
    fn new(name: &str, rate: u32, scale: LimitScale) -> Self {
        let per_minute = rate.saturating_mul(scale.factor);
        Self {
            per_minute,
            fields: Arc::new(QuotaFields {
                name: name.to_owned(),
                limit: per_minute.to_string(),
                window: WINDOW.as_secs().to_string(),
            }),
            fallback: Fallback::new(WINDOW, (per_minute / scale.replicas.max(1)).max(1)),
        }
    }

    /// The limit's name.
    pub(crate) fn name(&self) -> &str {
        self.fields.name()
    }

    /// What replies say about it.
    pub(crate) fn fields(&self) -> &Arc<QuotaFields> {
        &self.fields
    }

    /// Requests per minute, and the burst.
    pub(crate) fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// The time in which one request is earned back, in microseconds.
    pub(crate) fn interval_micros(&self) -> u64 {
        (60_000_000 / u64::from(self.per_minute)).max(1)
    }

    /// The count in this process, for when Redis does not count.
    pub(crate) fn fallback(&self) -> &Fallback {
        &self.fallback
    }
}
