//! The processes of the system.

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
        format!("http://127.0.0.1:{}", self.port(ports))
    }

    /// The address that tells whether it may be used.
    pub(super) fn health_url(self, ports: &Ports) -> String {
        format!("{}{}", self.url(ports), self.health)
    }
}
