//! The variables each process is given.

use std::collections::BTreeMap;

use super::tls::{self, authority};
use super::{GATEWAY, Instance, SIMULATORS, Tenancy, UNITS, Unit, Wanted};
use crate::infra::Infra;
use crate::ports::Ports;
use crate::workspace::Workspace;

/// Where the parts of one system find one another.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    ports: Ports,
    infra: Infra,
    tenancy: Tenancy,
    extra: BTreeMap<String, String>,
    /// How many processes of a unit, where it is not one.
    replicas: BTreeMap<String, u16>,
    /// Where the simulators keep payments, so that they outlive a restart as the books do. No other books have the same.
    ledger: String,
    /// Whom the simulators trust when they call the gateway.
    authority: String,
}

impl Environment {
    pub(crate) fn new(workspace: &Workspace, ports: &Ports, infra: &Infra, tenancy: &Tenancy, wanted: &Wanted) -> Self {
        let ledger = workspace.ledger(&tenancy.books).display().to_string();
        Self {
            ports: ports.clone(),
            infra: infra.clone(),
            tenancy: tenancy.clone(),
            extra: wanted.env.clone(),
            replicas: wanted.replicas.clone(),
            ledger,
            authority: authority(workspace).display().to_string(),
        }
    }

    /// Everything one process is given. What the caller asked for wins.
    pub(crate) fn of(&self, unit: Unit) -> BTreeMap<String, String> {
        let mut env = self.shared();
        let mut set = |key: &str, value: String| env.insert(key.to_owned(), value);
        set("APP_ENV", "local".to_owned());
        set("HOST", "127.0.0.1".to_owned());
        set("PORT", unit.port(&self.ports).to_string());
        if let Some(schema) = unit.schema {
            let server = self.postgres_server();
            let login = format!("{schema}_svc_user:local-only-{schema}");
            set(
                "DATABASE_URL",
                format!("postgres://{login}@{server}/{}", self.tenancy.database),
            );
        }
        if unit.name == "simulators" {
            set("SIMULATORS_STATE_FILE", self.ledger.clone());
            if self.has_tls() {
                set("SSL_CERT_FILE", self.authority.clone());
            }
        }
        env.extend(self.extra.clone());
        env
    }

    /// Whether the gateway speaks HTTPS.
    pub(super) fn has_tls(&self) -> bool {
        self.extra.contains_key(tls::CERTIFICATE)
    }

    /// The gateway's address.
    pub(super) fn gateway(&self) -> String {
        Instance::first(GATEWAY).url(&self.ports, self.has_tls())
    }

    /// The addresses of all processes of a unit.
    pub(super) fn urls(&self, unit: Unit) -> Vec<String> {
        let count = self.replicas.get(unit.name).copied().unwrap_or(1);
        let instances = (1..=count).map(|number| Instance { unit, number });
        instances
            .map(|instance| instance.url(&self.ports, self.has_tls()))
            .collect()
    }

    /// What the operator's tool is given.
    pub(crate) fn of_ticketctl(&self) -> BTreeMap<String, String> {
        let mut env = self.shared();
        env.insert("TICKETCTL_DATABASE_URL".to_owned(), self.database_url());
        env.insert("SIMULATORS_URL".to_owned(), SIMULATORS.url(&self.ports));
        env.extend(self.extra.clone());
        env
    }

    /// The superuser's URL of the system's database.
    pub(crate) fn database_url(&self) -> String {
        self.infra.database_url(&self.tenancy.database)
    }

    /// The variables whose values are not what a service would assume by itself.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let ports = Ports::default();
        let infra = Infra::native(&ports);
        let assumed = Self {
            ports,
            infra,
            tenancy: Tenancy::default(),
            extra: BTreeMap::new(),
            replicas: BTreeMap::new(),
            ledger: String::new(),
            authority: String::new(),
        }
        .shared();
        let mut settings = self.shared();
        settings.retain(|key, value| assumed.get(key) != Some(value));
        settings.extend(self.extra.clone());
        settings
    }

    /// Variables that mean the same to every process.
    fn shared(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        for unit in UNITS.iter().filter(|unit| unit.schema.is_some()) {
            env.insert(
                format!("{}_SERVICE_URL", unit.name.to_uppercase()),
                self.urls(*unit).join(","),
            );
        }
        let simulators = SIMULATORS.url(&self.ports);
        let gateway = self.gateway();
        let mut set = |key: &str, value: String| env.insert(key.to_owned(), value);
        set("REDIS_URL", format!("{}/0", self.infra.redis));
        if !self.infra.redis_cluster.is_empty() {
            set("REDIS_CLUSTER_URLS", self.infra.redis_cluster.join(","));
        }
        set("KAFKA_BROKERS", self.infra.kafka.clone());
        set("S3_ENDPOINT", self.infra.s3.clone());
        set("KAFKA_TOPIC_PREFIX", self.tenancy.topic_prefix.clone());
        set("PORTONE_BASE_URL", format!("{simulators}/portone"));
        set("OAUTH_SIMULATORS_URL", simulators.clone());
        set("RECAPTCHA_VERIFY_URL", format!("{simulators}/recaptcha/siteverify"));
        set("PORTONE_WEBHOOK_URL", format!("{gateway}/payments/webhook/portone"));
        env
    }

    /// Host and port of PostgreSQL.
    fn postgres_server(&self) -> &str {
        let after_login = self
            .infra
            .postgres
            .rsplit_once('@')
            .map_or(self.infra.postgres.as_str(), |(_, rest)| rest);
        after_login
            .trim_start_matches("postgres://")
            .trim_start_matches("postgresql://")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(extra: &[(&str, &str)]) -> Environment {
        let ports = Ports::default();
        Environment {
            infra: Infra::native(&ports),
            ports,
            tenancy: Tenancy::default(),
            extra: extra
                .iter()
                .map(|&(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            replicas: BTreeMap::new(),
            ledger: "ledger".to_owned(),
            authority: String::new(),
        }
    }

    #[test]
    fn a_service_logs_in_to_its_own_schema() {
        let env = environment(&[]).of(UNITS[1]);
        let expected = "postgres://user_svc_user:local-only-user@127.0.0.1:15432/ticketing";
        assert_eq!(env["DATABASE_URL"], expected);
        assert_eq!(env["PORT"], "8081");
    }

    #[test]
    fn callers_know_all_replicas() {
        let mut environment = environment(&[]);
        environment.replicas.insert("queue".to_owned(), 3);
        let env = environment.of(UNITS[6]);
        let queues = "http://127.0.0.1:8083,http://127.0.0.1:8113,http://127.0.0.1:8123";
        assert_eq!(env["QUEUE_SERVICE_URL"], queues);
        assert_eq!(env["EVENT_SERVICE_URL"], "http://127.0.0.1:8082");
    }

    #[test]
    fn only_what_was_asked_for_differs_from_the_defaults_on_the_default_ports() {
        let settings = environment(&[("HOLD_TTL_SECONDS", "8")]).settings();
        assert_eq!(
            settings.into_iter().collect::<Vec<_>>(),
            [("HOLD_TTL_SECONDS".to_owned(), "8".to_owned())]
        );
    }
}
