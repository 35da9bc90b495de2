//! The processes of the system.

use anyhow::{Context as _, Result, ensure};

use crate::ports::Ports;

/// One process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    /// Its name in files, logs and tables.
    pub(crate) name: &'static str,
    /// Its Cargo package and binary.
    pub(super) package: &'static str,
    /// The path that answers 200 once it may be used.
    pub(super) health: &'static str,
    /// Its part in the name and password of its PostgreSQL login, if it has a schema there.
    pub(super) schema: Option<&'static str>,
}

/// The providers' stand-ins.
pub(super) const SIMULATORS: Unit = Unit {
    name: "simulators",
    package: "simulators",
    health: "/health/live",
    schema: None,
};

/// The public door.
pub(super) const GATEWAY: Unit = Unit {
    name: "gateway",
    package: "gateway",
    health: "/health/ready",
    schema: None,
};

/// Everything that runs besides the infrastructure, callees before callers.
pub(crate) const UNITS: [Unit; 7] = [
    SIMULATORS,
    behind_the_gateway("user", "user-service"),
    behind_the_gateway("event", "event-service"),
    behind_the_gateway("queue", "queue-service"),
    behind_the_gateway("reservation", "reservation-service"),
    behind_the_gateway("payment", "payment-service"),
    GATEWAY,
];

const fn behind_the_gateway(name: &'static str, package: &'static str) -> Unit {
    Unit {
        name,
        package,
        health: "/health/ready",
        schema: Some(name),
    }
}

impl Unit {
    /// Whether it is ours to ship, not a stand-in.
    pub(super) fn is_service(self) -> bool {
        self.name != SIMULATORS.name
    }

    /// Its port.
    pub(super) fn port(self, ports: &Ports) -> u16 {
        let [gateway, user, event, queue, reservation, payment] = ports.services;
        match self.name {
            "gateway" => gateway,
            "user" => user,
            "event" => event,
            "queue" => queue,
            "reservation" => reservation,
            "payment" => payment,
            _ => ports.simulators,
        }
    }

    /// Its address.
    pub(super) fn url(self, ports: &Ports) -> String {
        Instance::first(self).url(ports, false)
    }
}

/// The most processes of one unit: their ports end where the next block of `--ports-from` may begin.
pub(crate) const MOST_REPLICAS: u16 = 7;

/// One process of a unit. Whoever calls a unit calls all of its processes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instance {
    pub(super) unit: Unit,
    /// From 1.
    pub(super) number: u16,
}

impl Instance {
    pub(super) const fn first(unit: Unit) -> Self {
        Self { unit, number: 1 }
    }

    /// Whether there always is one.
    pub(super) const fn is_first(self) -> bool {
        self.number == 1
    }

    /// Its name in files, logs and tables: `queue`, `queue-2`.
    pub(crate) fn name(self) -> String {
        match self.number {
            1 => self.unit.name.to_owned(),
            number => format!("{}-{number}", self.unit.name),
        }
    }

    /// Its port: that of the first, or of a block of ten for the second of each, another for the third, …
    pub(super) fn port(self, ports: &Ports) -> u16 {
        let first = self.unit.port(ports);
        match self.number {
            1 => first,
            number => first + 10 * (number + 1),
        }
    }

    /// Its address; with TLS the gateway's is another.
    pub(super) fn url(self, ports: &Ports, tls: bool) -> String {
        let scheme = if tls && self.unit.name == GATEWAY.name {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://127.0.0.1:{}", self.port(ports))
    }

    /// The address that tells whether it may be used.
    pub(super) fn health_url(self, ports: &Ports, tls: bool) -> String {
        format!("{}{}", self.url(ports, tls), self.unit.health)
    }
}

/// Every process there could be, callees before callers.
pub(crate) fn instances() -> impl DoubleEndedIterator<Item = Instance> {
    UNITS
        .into_iter()
        .flat_map(|unit| (1..=MOST_REPLICAS).map(move |number| Instance { unit, number }))
}

/// `queue=2`: how many processes of a service or of the gateway.
pub(crate) fn replicas(text: &str) -> Result<(String, u16)> {
    let (name, count) = text.split_once('=').context("expected SERVICE=COUNT")?;
    ensure!(
        name != SIMULATORS.name && UNITS.iter().any(|unit| unit.name == name),
        "there is no service {name:?}"
    );
    let count = count.parse().ok().filter(|count| (1..=MOST_REPLICAS).contains(count));
    let count = count.with_context(|| format!("a service has 1 to {MOST_REPLICAS} replicas"))?;
    Ok((name.to_owned(), count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_processes_share_a_name_or_a_port() {
        let ports = Ports::default();
        let all: Vec<_> = instances()
            .filter(|instance| instance.number == 1 || instance.unit.name != "simulators")
            .collect();
        let names: BTreeSet<_> = all.iter().map(|instance| instance.name()).collect();
        let taken: BTreeSet<_> = all.iter().map(|instance| instance.port(&ports)).collect();
        assert_eq!((names.len(), taken.len()), (all.len(), all.len()));
    }

    #[test]
    fn replicas_are_of_services_and_few() {
        assert_eq!(replicas("queue=2").unwrap(), ("queue".to_owned(), 2));
        for nonsense in ["queue", "queue=0", "queue=100", "kafka=2", "simulators=2"] {
            assert!(replicas(nonsense).is_err(), "{nonsense}");
        }
    }
}
