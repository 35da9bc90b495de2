use crate::{
    Admin, Books,
    process::{Part, Running, free_port},
};
use serde_json::{Value, json};
use std::{collections::HashMap, path::PathBuf, time::Duration};
use test_support::{Api, Login, TestEnv, eventually};
use user_service::AdminAccount;

/// How long a part may take to become ready on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(30);
const ADMIN_EMAIL: &str = "admin@ticket-queue.test";
const ADMIN_PASSWORD: &str = "System-test-1!";

/// A system of its own: processes, database, Redis database, topics.
pub struct System {
    env: TestEnv,
    ports: HashMap<Part, u16>,
    running: HashMap<Part, Running>,
    logs: PathBuf,
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
        let mut env = TestEnv::new().await.with_topics().await;
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

    /// Starts a killed part again, with the same port and settings, and waits until it is ready.
    pub async fn restart(&mut self, part: Part) {
        self.launch(part);
        self.wait_ready(part).await;
    }

    /// Starts a killed part again without waiting for it.
    pub fn launch(&mut self, part: Part) {
        let mut settings = self.env.pairs(part.login());
        settings.insert("PORT".to_owned(), self.ports[&part].to_string());
        if part == Part::Simulators {
            let ledger = self.logs.join("ledger.jsonl").display().to_string();
            settings.insert("SIMULATORS_STATE_FILE".to_owned(), ledger);
        }
        let log = self.logs.join(format!("{}.log", part.binary()));
        self.running.insert(part, Running::start(part, &settings, &log));
    }

    async fn wait_ready(&mut self, part: Part) {
        let url = format!("{}{}", self.url(part), part.ready_path());
        let log = self.logs.join(format!("{}.log", part.binary()));
        let running = self.running.get_mut(&part).expect("it was started");
        common::lifecycle::install_tls_provider();
        let http = reqwest::Client::new();
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        while !http
            .get(&url)
            .send()
            .await
            .is_ok_and(|reply| reply.status().is_success())
        {
            assert!(!running.has_ended(), "{part:?} has ended; see {}", log.display());
            assert!(
                tokio::time::Instant::now() < deadline,
                "{part:?} is not ready; see {}",
                log.display()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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

    /// Waits until nothing moves any more and checks what must hold then.
    ///
    /// # Panics
    /// When a rule is broken or nothing comes to rest.
    pub async fn audit(&self) -> Books {
        let books = Books::open(&self.env.superuser_url()).await;
        eventually(
            "all messages are published and handled",
            Duration::from_secs(40),
            || async { books.is_at_rest().await.then_some(()) },
        )
        .await;
        let ledger = self.control().get("/control/portone/ledger").await.expect(200);
        books.check(&ledger).await;
        books
    }
}
