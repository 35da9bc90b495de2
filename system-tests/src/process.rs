use http::Method;
use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use test_support::{Api, Login};
use tokio::{
    process::{Child, Command},
    time::Instant,
};

/// How long a part may take to become ready on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// How long a part may take to stop when it is asked to.
const STOPPED_WITHIN: Duration = Duration::from_secs(90);

/// A part of the system that runs as a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// PortOne and reCAPTCHA.
    Simulators,
    /// The user service.
    User,
    /// The event service.
    Event,
    /// The queue service.
    Queue,
    /// The reservation service.
    Reservation,
    /// The payment service.
    Payment,
    /// The gateway.
    Gateway,
}

impl Part {
    /// In the order in which they are started.
    pub const ALL: [Self; 7] = [
        Self::Simulators,
        Self::User,
        Self::Event,
        Self::Queue,
        Self::Reservation,
        Self::Payment,
        Self::Gateway,
    ];

    /// The binary's name.
    #[must_use]
    pub const fn binary(self) -> &'static str {
        match self {
            Self::Simulators => "simulators",
            Self::User => "user-service",
            Self::Event => "event-service",
            Self::Queue => "queue-service",
            Self::Reservation => "reservation-service",
            Self::Payment => "payment-service",
            Self::Gateway => "gateway",
        }
    }

    /// The variable by which others find it.
    pub(crate) const fn url_variable(self) -> Option<&'static str> {
        match self {
            Self::User => Some("USER_SERVICE_URL"),
            Self::Event => Some("EVENT_SERVICE_URL"),
            Self::Queue => Some("QUEUE_SERVICE_URL"),
            Self::Reservation => Some("RESERVATION_SERVICE_URL"),
            Self::Payment => Some("PAYMENT_SERVICE_URL"),
            Self::Simulators | Self::Gateway => None,
        }
    }

    /// Its database login, if it has one.
    pub(crate) const fn login(self) -> Option<Login> {
        match self {
            Self::User => Some(Login::User),
            Self::Event => Some(Login::Event),
            Self::Queue => Some(Login::Queue),
            Self::Reservation => Some(Login::Reservation),
            Self::Payment => Some(Login::Payment),
            Self::Simulators | Self::Gateway => None,
        }
    }

    /// The path that answers 200 when it may be used.
    pub(crate) const fn ready_path(self) -> &'static str {
        match self {
            Self::Simulators => "/health/live",
            _ => "/health/ready",
        }
    }
}

/// A running part; killed when dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts the part's binary with these settings and nothing else from our environment; its log is appended to `log`.
    pub(crate) fn start(part: Part, settings: &HashMap<String, String>, log: &Path) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("the log can be written");
        let binary = binaries().join(part.binary());
        let child = Command::new(&binary)
            .env_clear()
            .envs(settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask test` builds it", binary.display()));
        Self { child }
    }

    /// SIGKILL: no destructor, no flush, no goodbye.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("a child of ours can be killed");
    }

    /// SIGTERM, as a deployment sends it. It must end by itself, and without an error.
    pub(crate) async fn terminate(mut self) {
        let id = self.child.id().expect("it still runs");
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -TERM {id}")])
            .status()
            .await;
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM can be sent");
        let ended = tokio::time::timeout(STOPPED_WITHIN, self.child.wait()).await;
        let status = ended.expect("it stops in time").expect("a child can be waited for");
        assert!(status.success(), "{status}");
    }

    /// Waits until the part at this address may be used.
    pub(crate) async fn wait_ready(&mut self, part: Part, address: &str, log: &Path) {
        let outside = Api::new(address);
        let deadline = Instant::now() + READY_WITHIN;
        while !outside
            .try_send(Method::GET, part.ready_path(), None)
            .await
            .is_ok_and(|reply| reply.status.is_success())
        {
            assert!(!self.has_ended(), "{part:?} has ended; see {}", log.display());
            assert!(
                Instant::now() < deadline,
                "{part:?} is not ready; see {}",
                log.display()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }
}

/// Where the services' binaries are: where the caller says, else beside this test's own.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("TICKET_QUEUE_BIN_DIR") {
        return folder.into();
    }
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("tests are in target/<profile>/deps");
    profile.to_owned()
}
