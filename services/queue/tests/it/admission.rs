//! Ten minutes of a sale in ten seconds. What takes time takes a sixtieth of it: a session is 10 s instead of ten minutes, a
//! claim 1 s, the grace 2 s (it is counted in whole seconds), the tick 50 ms, and one admission a second is 60. Only the pause of
//! ticks that counts as an outage is as long as ever.

use crate::helpers::{Buyer, SOON, World};
use crate::messages::Others;
use crate::samples::{Allowed, Watch, look};
use futures_util::future::join_all;
use http::Method;
use queue_service::{Config, build};
use rand::RngExt as _;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use test_support::{Api, Login, Running, TestEnv, eventually};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const LASTS: Duration = Duration::from_secs(10);
const BUYERS: usize = 110;
const BURST_SECONDS: f64 = 0.2;
/// So long a replica may go by settings that were changed: its cache, and the machine's business.
const LAG: Duration = Duration::from_secs(3);

/// What an administrator allowed, and when that was replaced.
struct Setting {
    rate: f64,
    cap: i64,
    replaced: Option<Instant>,
}

struct Town {
    world: World,
    redis: MultiplexedConnection,
    event: Uuid,
    others: Others,
    doors: Mutex<Vec<Api>>,
    settings: Mutex<Vec<Setting>>,
    /// Confirmed reservations that were told.
    sales: AtomicI64,
    begun: Instant,
    /// Whether all that was to be seen has been seen.
    is_seen: AtomicBool,
}

impl Town {
    /// Ten seconds, and longer on a machine so busy that not everything has happened by then.
    fn is_over(&self) -> bool {
        let lasts = self.begun.elapsed();
        lasts >= LASTS && (self.is_seen.load(Ordering::Relaxed) || lasts >= LASTS + SOON)
    }

    /// People who were admitted, who bought, who left, and who came too late.
    async fn has_seen_all(&self, admitted: i64) -> bool {
        let counts: Vec<Option<i64>> = redis::cmd("HMGET")
            .arg(format!("queue:{{{}}}:control", self.event))
            .arg(&["left", "expired"])
            .query_async(&mut self.redis.clone())
            .await
            .unwrap();
        admitted > 50
            && self.sales.load(Ordering::Relaxed) > 0
            && counts.iter().all(|count| count.is_some_and(|count| count > 0))
    }

    fn door(&self) -> Api {
        let doors = self.doors.lock().unwrap();
        doors[rand::rng().random_range(0..doors.len())].clone()
    }

    /// The body, if it was answered: replicas die under their callers.
    async fn ask(&self, user: Uuid, method: Method, path: &str) -> Option<Value> {
        let body = json!({"eventId": self.event}).to_string().into_bytes();
        let body = (method == Method::POST).then_some(("application/json", body));
        let reply = self.door().as_user(user).try_send(method, path, body).await.ok()?;
        (reply.status == 200).then_some(reply.body)
    }

    fn allowed(&self) -> Allowed {
        let settings = self.settings.lock().unwrap();
        let recent = || {
            let in_force = |setting: &&Setting| setting.replaced.is_none_or(|at| at.elapsed() < LAG);
            settings.iter().filter(in_force)
        };
        let rate = recent().map(|setting| setting.rate).fold(0.0, f64::max);
        Allowed {
            rate,
            burst: rate * BURST_SECONDS,
            cap: recent().map(|setting| setting.cap).max().unwrap(),
        }
    }

    /// Somebody comes, again and again, and behaves in one way or another.
    async fn visitor(&self) {
        while !self.is_over() {
            let user = Uuid::now_v7();
            let chance: u32 = rand::rng().random_range(0..100);
            if self.ask(user, Method::POST, "/queue/enter").await.is_none() {
                pause(20, 100).await;
                continue;
            }
            // Some never come back; some look so seldom that an offer may end before they do.
            let patience = match chance {
                0..10 => continue,
                10..20 => (700, 1700),
                _ => (150, 500),
            };
            while !self.is_over() {
                pause(patience.0, patience.1).await;
                let Some(status) = self.ask(user, Method::GET, "/queue/status").await else {
                    break;
                };
                if status["status"] == "ADMITTED" {
                    self.inside(user, chance).await;
                    break;
                }
            }
        }
    }

    async fn inside(&self, user: Uuid, chance: u32) {
        pause(100, 900).await;
        match chance {
            // Stays until the session is over.
            20..25 => {}
            25..60 => self.buy(user).await,
            _ => {
                let _gone = self.ask(user, Method::DELETE, "/queue/leave").await;
            }
        }
    }

    async fn buy(&self, user: Uuid) {
        let grant: Option<String> = redis::cmd("HGET")
            .arg(format!("queue:{{{}}}:grants", self.event))
            .arg(user.to_string())
            .query_async(&mut self.redis.clone())
            .await
            .unwrap();
        if let Some(grant) = grant {
            let (buyer, id) = (
                Buyer {
                    id: user,
                    api: self.door(),
                },
                grant.split('|').next().unwrap(),
            );
            self.others.say(&self.others.confirmed(&buyer, self.event, id)).await;
            self.sales.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn set(&self, change: Value) {
        let path = format!("/queue/admin/events/{}", self.event);
        // On a busy machine one replica or another says for a moment that it cannot.
        eventually("the settings are changed", SOON, || async {
            let reply = self.door().as_admin(Uuid::now_v7()).put(&path, &change).await;
            (reply.status != 503).then(|| reply.expect(200))
        })
        .await;
    }

    async fn change_settings(&self, rate: u32, cap: u32) {
        let setting = Setting {
            rate: f64::from(rate),
            cap: i64::from(cap),
            replaced: None,
        };
        self.settings.lock().unwrap().push(setting);
        self.set(json!({"admissionPerSecond": rate, "maxActive": cap})).await;
        let mut settings = self.settings.lock().unwrap();
        let former = settings.len() - 2;
        settings[former].replaced = Some(Instant::now());
    }

    /// What happens to the service meanwhile.
    async fn adversities(&self, replicas: &mut Vec<Running>) {
        for (round, (rate, cap)) in [(60, 30), (120, 60), (20, 60), (60, 15), (100, 40)]
            .into_iter()
            .cycle()
            .enumerate()
        {
            self.change_settings(rate, cap).await;
            pause(600, 900).await;
            if round % 2 == 0 {
                self.set(json!({"paused": true})).await;
                pause(200, 400).await;
                self.set(json!({"paused": false})).await;
            }
            let killed = round % replicas.len();
            drop(self.doors.lock().unwrap().remove(killed));
            drop(replicas.remove(killed));
            pause(100, 300).await;
            let replica = start(&self.world.env).await;
            self.doors.lock().unwrap().push(Api::as_gateway(&replica.url()));
            replicas.push(replica);
            if self.is_over() {
                return;
            }
        }
    }

    async fn watch(&self) -> Watch {
        let (mut redis, mut watch) = (self.redis.clone(), Watch::new());
        while !self.is_over() {
            let sample = look(&mut redis, self.event).await;
            watch.see(sample, self.allowed());
            if self.begun.elapsed() >= LASTS {
                let is_seen = self.has_seen_all(watch.last().admitted).await;
                self.is_seen.store(is_seen, Ordering::Relaxed);
            }
            sleep(Duration::from_millis(5)).await;
        }
        watch
    }
}

async fn start(env: &TestEnv) -> Running {
    Running::start(
        build(Config::from_env(&env.env(Some(Login::Queue))).unwrap())
            .await
            .unwrap(),
    )
}

async fn pause(least: u64, most: u64) {
    let millis = rand::rng().random_range(least..most);
    sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_minutes_of_adversities_never_admit_beyond_rate_and_cap_nor_overtake() {
    let settings = [
        ("QUEUE_TOKEN_TTL_SECONDS", "10"),
        ("ADMISSION_CLAIM_SECONDS", "1"),
        ("QUEUE_GRACE_SECONDS", "2"),
        ("ADMISSION_BURST_SECONDS", "0.2"),
    ];
    let mut world = World::start(TestEnv::new().await.with_topics().await, &settings, 4).await;
    let mut replicas = std::mem::take(&mut world.replicas);
    let town = Town {
        redis: world.redis().await,
        event: world.neighbours.event(),
        others: Others::new(&world),
        doors: Mutex::new(replicas.iter().map(|replica| Api::as_gateway(&replica.url())).collect()),
        settings: Mutex::new(vec![Setting {
            rate: 60.0,
            cap: 30,
            replaced: None,
        }]),
        sales: AtomicI64::new(0),
        begun: Instant::now(),
        is_seen: AtomicBool::new(false),
        world,
    };
    town.change_settings(60, 30).await;
    let visitors = join_all((0..BUYERS).map(|_| town.visitor()));
    let (watch, _, ()) = tokio::join!(town.watch(), visitors, town.adversities(&mut replicas));

    let redis = town.redis.clone();
    let control = format!("queue:{{{}}}:control", town.event);
    let sales = town.sales.load(Ordering::Relaxed);
    eventually("every sale is heard of, whoever died", SOON, || {
        let (mut redis, control) = (redis.clone(), control.clone());
        async move {
            let heard: Option<i64> = redis::cmd("HGET")
                .arg(control)
                .arg("sales")
                .query_async(&mut redis)
                .await
                .unwrap();
            // One that was interrupted is counted again.
            (heard.unwrap_or_default() >= sales).then_some(())
        }
    })
    .await;
    assert!(town.has_seen_all(watch.last().admitted).await, "{sales} sales");
}
