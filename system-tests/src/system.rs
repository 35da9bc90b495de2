use crate::{
    Admin, Books,
    process::{Part, Running},
};
use serde_json::{Value, json};
use std::{collections::HashMap, path::PathBuf, time::Duration};
use test_support::{Api, Login, TestEnv, free_port};
use ticketctl::audit::Auditor;
use user_service::AdminAccount;

/// How long a system may take until nothing moves any more.
const REST_WITHIN: Duration = Duration::from_secs(90);
/// How long what is broken may take to become right by itself: what a request that is still running is about to do.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// The administrator of every system.
pub const ADMIN_EMAIL: &str = "admin@ticket-queue.test";
/// Their password.
pub const ADMIN_PASSWORD: &str = "System-test-1!";

/// A system of its own: processes, database, Redis database, topics.
pub struct System {
    /// Killed before their database and topics are deleted, which is what the order of these fields says.
    pub(crate) running: HashMap<Part, Running>,
    pub(crate) env: TestEnv,
    ports: HashMap<Part, u16>,
    pub(crate) logs: PathBuf,
}

impl System {
    /// Starts everything with short waits.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts everything with these settings on top.
    ///
    /// # Panics
    /// When a part does not become ready.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_in(TestEnv::new().await, settings).await
    }

    /// Starts everything on that infrastructure, with these settings on top.
    ///
    /// # Panics
    /// When a part does not become ready.
    pub async fn start_in(env: TestEnv, settings: &[(&str, &str)]) -> Self {
        let mut env = env.with_topics().await;
        let ports: HashMap<Part, u16> = Part::ALL.into_iter().map(|part| (part, free_port())).collect();
        let url = |part: Part| format!("http://127.0.0.1:{}", ports[&part]);
        for part in Part::ALL {
            if let Some(variable) = part.url_variable() {
                env.set(variable, url(part));
            }
        }
        env.set("PORTONE_BASE_URL", format!("{}/portone", url(Part::Simulators)));
        env.set(
            "PORTONE_WEBHOOK_URL",
            format!("{}/payments/webhook/portone", url(Part::Gateway)),
        );
        env.set("OAUTH_SIMULATORS_URL", url(Part::Simulators));
        env.set(
            "RECAPTCHA_VERIFY_URL",
            format!("{}/recaptcha/siteverify", url(Part::Simulators)),
        );
        let quick = [
            ("BCRYPT_COST", "4"),
            ("RATE_LIMIT_PROFILE", "loadtest"),
            ("ADMISSION_TICK_MILLIS", "100"),
            ("ADMISSION_PER_SECOND", "100"),
            ("QUEUE_POLL_MIN_SECONDS", "0"),
            ("LOG_FORMAT", "text"),
        ];
        for (variable, value) in quick.iter().chain(settings) {
            env.set(variable, value);
        }
        let logs = std::env::temp_dir()
            .join("ticket-queue-system-tests")
            .join(env.topic_prefix().trim_end_matches('.'));
        std::fs::create_dir_all(&logs).expect("the folder for logs can be made");
        let mut system = Self {
            env,
            ports,
            running: HashMap::new(),
            logs,
        };
        let account = AdminAccount {
            email: ADMIN_EMAIL.to_owned(),
            password: ADMIN_PASSWORD.to_owned(),
            name: "Operator".to_owned(),
        };
        let config = user_service::Config::from_env(&system.env.env(Some(Login::User))).expect("usable settings");
        user_service::create_admin(&config, account)
            .await
            .expect("the administrator can be made");
        for part in Part::ALL {
            system.launch(part);
        }
        for part in Part::ALL {
            system.wait_ready(part).await;
        }
        system
    }

    /// Kills a part without warning.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill(&mut self, part: Part) {
        self.running.remove(&part).expect("it runs").kill().await;
    }

    /// Asks a part to stop, with SIGTERM, and waits until it has.
    ///
    /// # Panics
    /// When it does not run or ends with an error.
    pub async fn terminate(&mut self, part: Part) {
        self.running.remove(&part).expect("it runs").terminate().await;
    }

    /// Starts a killed part again, with the same port and settings, and waits until it is ready.
    pub async fn restart(&mut self, part: Part) {
        self.launch(part);
        self.wait_ready(part).await;
    }

    /// Starts a killed part again without waiting for it.
    pub fn launch(&mut self, part: Part) {
        let mut settings = self.env.pairs(part.login());
        settings.insert("PORT".to_owned(), self.ports[&part].to_string());
        settings.insert("CRASH_FILE".to_owned(), self.crash_file(part).display().to_string());
        if part == Part::Simulators {
            let ledger = self.logs.join("ledger.jsonl").display().to_string();
            settings.insert("SIMULATORS_STATE_FILE".to_owned(), ledger);
        }
        let log = self.logs.join(format!("{}.log", part.binary()));
        self.running.insert(part, Running::start(part, &settings, &log));
    }

    async fn wait_ready(&mut self, part: Part) {
        let (address, log) = (self.url(part), self.logs.join(format!("{}.log", part.binary())));
        let running = self.running.get_mut(&part).expect("it was started");
        running.wait_ready(part, &address, &log).await;
    }

    /// What a part has written to its log so far.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn log(&self, part: Part) -> String {
        std::fs::read_to_string(self.logs.join(format!("{}.log", part.binary()))).expect("the log can be read")
    }

    /// A part's own address.
    #[must_use]
    pub fn url(&self, part: Part) -> String {
        format!("http://127.0.0.1:{}", self.ports[&part])
    }

    /// The gateway, as the outside world calls it.
    #[must_use]
    pub fn gateway(&self) -> Api {
        Api::new(&self.url(Part::Gateway))
    }

    /// The simulators' control side.
    #[must_use]
    pub fn control(&self) -> Api {
        Api::new(&self.url(Part::Simulators))
    }

    /// Switches faults on; `{}` switches none.
    pub async fn faults(&self, faults: &Value) {
        let _in_force = self.control().put("/control/faults", faults).await.expect(200);
    }

    /// Switches every fault off.
    pub async fn no_faults(&self) {
        let reply = self.control().delete("/control/faults").await;
        assert!(reply.status.is_success(), "{reply:?}");
    }

    /// The administrator, signed in.
    pub async fn admin(&self) -> Admin {
        let login = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "captchaToken": self.captcha()});
        let tokens = self.gateway().post("/auth/login", &login).await.expect(200);
        Admin::new(
            self.gateway()
                .with_token(tokens["accessToken"].as_str().expect("a token")),
        )
    }

    /// A captcha that passes once.
    #[must_use]
    pub fn captcha(&self) -> String {
        format!("sim-pass-{}", uuid::Uuid::now_v7())
    }

    /// The isolated infrastructure.
    #[must_use]
    pub fn env(&self) -> &TestEnv {
        &self.env
    }

    /// Waits until nothing moves any more and checks what must hold then (`design.md` §9), against PortOne's ledger.
    ///
    /// # Panics
    /// When an invariant is broken or nothing comes to rest: with the rows.
    pub async fn audit(&self) -> Books {
        let report = self.auditor().audit(REST_WITHIN, SETTLED_WITHIN).await;
        let report = report.expect("the books can be read");
        assert!(
            report.ok && report.at_rest,
            "the audit, logs in {}:\n{report}",
            self.logs.display()
        );
        Books::open(&self.env.superuser_url()).await
    }

    /// Looks at this system's books.
    #[must_use]
    pub fn auditor(&self) -> Auditor {
        let ledger = format!("{}/control/portone/ledger", self.url(Part::Simulators));
        let auditor = Auditor::new(self.env.superuser_url(), Some(ledger));
        let retention = self.env.env(None).seconds_or("OUTBOX_RETENTION_SECONDS", 7 * 24 * 3600);
        auditor.retention(retention.expect("usable settings"))
    }
}
