//! `cargo xtask bench accounts`: what the time of a refused login tells about the account, and what a crowd of logins leaves
//! of the service for others. Both with bcrypt as in production.
#![expect(clippy::print_stdout, reason = "it reports to people")]

use common::Clock;
use serde_json::json;
use simulators::{SimulatorConfig, serve};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use test_support::{
    Api, Login, Running, TestEnv,
    measure::{Bar, Figure, figures, median, percentile},
};
use tokio::{net::TcpListener, task::JoinSet};
use user_service::{AdminAccount, Config, build_with_clock, create_admin};

/// What the medians may differ by, in milliseconds.
const GAP_BAR: f64 = 5.0;
/// What `/health` may take meanwhile, at the 95th percentile, in milliseconds.
const HEALTH_BAR: f64 = 100.0;
const ACCOUNTS: usize = 10;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

struct World {
    api: Api,
    outsider: Api,
    captchas: AtomicU32,
    _service: Running,
    _simulators: JoinSet<()>,
    _env: TestEnv,
}

async fn measure() -> anyhow::Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (samples, crowd) = if quick { (20, 20) } else { (500, 200) };
    let mut rows = Vec::new();
    // One is never stopped, the other always.
    let world = World::start("1000000000").await?;
    rows.push(gap(&world, "refused", samples, 401).await);
    rows.extend(health(&world, crowd).await);
    drop(world);
    let world = World::start("1").await?;
    for pair in 0..ACCOUNTS {
        for email in pair_of(pair) {
            world.login(&email).await;
        }
    }
    rows.push(gap(&world, "stopped", samples, 423).await);
    figures("Accounts, bcrypt cost 12", &rows);
    Ok(())
}

impl World {
    async fn start(failures_per_address: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut simulators = JoinSet::new();
        simulators.spawn(async move {
            if let Err(error) = serve(listener, SimulatorConfig::default(), std::future::pending()).await {
                println!("the simulators ended: {error}");
            }
        });
        let env = TestEnv::new()
            .await
            .with("BCRYPT_COST", 12)
            .with("LOGIN_FAILURES_PER_ADDRESS", failures_per_address)
            .with("LOGIN_FAILURES_PER_ACCOUNT", 1_000_000_000)
            .with("RECAPTCHA_VERIFY_URL", format!("{url}/recaptcha/siteverify"));
        let config = Config::from_env(&env.env(Some(Login::User)))?;
        for number in 0..ACCOUNTS {
            let account = AdminAccount {
                email: known(number),
                password: "Passw0rd!".into(),
                name: "Kim".into(),
            };
            create_admin(&config, account).await?;
        }
        let service = Running::start(build_with_clock(config, Clock::system()).await?);
        Ok(Self {
            api: Api::as_gateway(&service.url()).with_header("x-client-address", "203.0.113.7"),
            outsider: Api::new(&service.url()),
            captchas: AtomicU32::new(0),
            _service: service,
            _simulators: simulators,
            _env: env,
        })
    }

    /// Tries a wrong password; the reply's status and how long it took.
    async fn login(&self, email: &str) -> (u16, Duration) {
        let captcha = format!("sim-pass-{}", self.captchas.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "email": email, "password": "Passw0rd?", "captchaToken": captcha });
        let began = Instant::now();
        let reply = self.api.post("/auth/login", &body).await;
        (reply.status.as_u16(), began.elapsed())
    }
}

fn known(number: usize) -> String {
    format!("known{number}@example.com")
}

/// An email with an account, and one without.
fn pair_of(number: usize) -> [String; 2] {
    [known(number), format!("nobody{number}@example.com")]
}

/// One after the other, taking turns at who comes first, so that what else the machine does hits both alike.
async fn gap(world: &World, what: &str, samples: usize, status: u16) -> Figure {
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    // The first round warms up and counts for nothing.
    for sample in 0..samples + ACCOUNTS {
        let mut pair = pair_of(sample % ACCOUNTS).map(|email| (email.starts_with("known"), email));
        if sample % 2 == 1 {
            pair.reverse();
        }
        for (has_account, email) in pair {
            let (answered, took) = world.login(&email).await;
            assert_eq!(answered, status, "{what}");
            if sample >= ACCOUNTS {
                let taken = if has_account { &mut of_known } else { &mut of_unknown };
                taken.push(took.as_secs_f64() * 1000.0);
            }
        }
    }
    let (of_known, of_unknown) = (median(of_known), median(of_unknown));
    let difference = (of_known - of_unknown).abs();
    let row = format!("{what} login with and without an account, {samples} each: gap of the medians");
    let figure = format!("{difference:.3} ms ({of_known:.2} and {of_unknown:.2})");
    Figure::text(&row, figure).judged(Bar::AtMost(GAP_BAR), difference)
}

/// Both health paths are asked every few milliseconds while a crowd signs in at once.
async fn health(world: &World, crowd: usize) -> Vec<Figure> {
    let waits: Arc<Mutex<[Vec<Duration>; 2]>> = Arc::default();
    let probe = async {
        loop {
            for (index, path) in ["/health/live", "/health/ready"].into_iter().enumerate() {
                let began = Instant::now();
                let reply = world.outsider.get(path).await;
                assert_eq!(reply.status, 200, "{path}");
                if let Ok(mut waits) = waits.lock() {
                    waits[index].push(began.elapsed());
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let emails: Vec<String> = (0..crowd).map(|number| format!("crowd{number}@example.com")).collect();
    let began = Instant::now();
    let logins = futures_util::future::join_all(emails.iter().map(|email| world.login(email)));
    let logins = tokio::select! {
        logins = logins => logins,
        () = probe => Vec::new(),
    };
    let elapsed = began.elapsed().as_secs_f64();
    assert!(
        logins.iter().all(|(status, _)| *status == 401),
        "a login was not judged"
    );
    let [live, ready] = waits.lock().map(|waits| waits.clone()).unwrap_or_default();
    let asked = [("/health/live", live), ("/health/ready", ready)].into_iter();
    asked
        .map(|(path, waits)| {
            let (count, p95) = (waits.len(), percentile(waits, 0.95));
            let what = format!("{path} while {crowd} sign in at once ({elapsed:.1} s, asked {count} times), p95");
            Figure::held(&what, p95, "ms", Bar::AtMost(HEALTH_BAR))
        })
        .collect()
}
