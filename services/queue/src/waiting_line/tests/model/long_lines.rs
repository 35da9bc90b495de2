//! Thousands in line, whose heartbeats are swept a page at a time.

use super::{TestEnv, scripts::Scripts};
use crate::waiting_line::keys;
use redis::{Connection, FromRedisValue, cmd};
use std::ops::Range;
use uuid::Uuid;

const SECOND: i64 = 1_000_000;
const GRACE: i64 = 150 * SECOND;

struct LongLine {
    redis: Connection,
    scripts: Scripts,
    keys: [String; 8],
    now: i64,
}

impl LongLine {
    fn call<T: FromRedisValue>(&mut self, script: &str, arguments: &[String]) -> T {
        let mut call = self.scripts.call(script, &self.keys);
        call.arg(arguments);
        let clock = format!("{}:clock", self.keys[0]);
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(clock).arg(self.now).ignore();
        let (told,) = pipe.add_command(call).query(&mut self.redis).unwrap();
        told
    }

    /// Users who come or poll together, ten at a time.
    fn together(&mut self, script: &str, head: &[&str], users: impl Iterator<Item = usize>) {
        let users: Vec<String> = users.map(|user| format!("u{user:05}")).collect();
        for ten in users.chunks(10) {
            let head = head.iter().map(|argument| (*argument).to_owned());
            let arguments: Vec<String> = head.chain(ten.iter().cloned()).collect();
            let _replies: redis::Value = self.call(script, &arguments);
            self.now += 700;
        }
    }

    /// One tick. How many were admitted and evicted.
    fn tick(&mut self, paused: bool, evictions: usize, grants: Range<usize>) -> (usize, usize) {
        // Here it is no outage that all but a few fall silent.
        let quiet = cmd("HSET")
            .arg(&self.keys[6])
            .arg("beats_ref")
            .arg(0)
            .query::<()>(&mut self.redis);
        quiet.unwrap();
        let paused = if paused { "1" } else { "0" };
        let head = ["1000", "1000", "1000", "100000", paused, "100000", "0"];
        let mut arguments = head.map(str::to_owned).to_vec();
        arguments.extend([
            GRACE.to_string(),
            "60000".to_owned(),
            "500".to_owned(),
            evictions.to_string(),
        ]);
        arguments.extend(grants.flat_map(|number| [format!("g{number}"), format!("qr_{number}")]));
        let told: Vec<usize> = self.call("admit", &arguments);
        (told[2], told[3])
    }

    /// Time passes while ticks evict nobody.
    fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds / 4 {
            self.now += 4 * SECOND;
            self.tick(true, 0, 0..0);
        }
    }

    fn line(&mut self) -> Vec<String> {
        cmd("ZRANGE")
            .arg(&self.keys[0])
            .arg(0)
            .arg(-1)
            .query(&mut self.redis)
            .unwrap()
    }

    fn heartbeats(&mut self) -> usize {
        let records: Vec<Vec<u8>> = cmd("HVALS").arg(&self.keys[1]).query(&mut self.redis).unwrap();
        records.iter().map(|records| records.len() / 10).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_find_every_silent_one_of_thousands_and_nobody_else() {
    const COUNT: usize = 3000;
    let env = TestEnv::new().await;
    let mut redis = redis::Client::open(env.redis_url()).unwrap().get_connection().unwrap();
    let mut line = LongLine {
        scripts: Scripts::load(&mut redis, None),
        redis,
        keys: keys::line(Uuid::now_v7()),
        now: 1_795_386_138_572_740,
    };
    let sale = ["100000", "0", "9000000000000000", "600000"];
    line.together("enter", &sale, 0..COUNT);
    line.pass(100);
    let there = |user: &usize| !user.is_multiple_of(3);
    line.together("poll", &["600000"], (0..COUNT).filter(there));
    line.pass(60);
    let mut evicted = 0;
    // A pass over all pages takes a few ticks, and each tick evicts at most a hundred.
    for _ in 0..40 {
        line.now += SECOND;
        let (_, now) = line.tick(true, 100, 0..0);
        assert!(now <= 100);
        evicted += now;
    }
    assert_eq!(evicted, COUNT / 3);
    let rest: Vec<String> = (0..COUNT).filter(there).map(|user| format!("u{user:05}")).collect();
    assert_eq!(line.line(), rest);
    assert_eq!(line.heartbeats(), rest.len());

    // Who is counted in leaves a heartbeat behind, for as long as it may be a waiter's.
    let until = (line.now / 1000 + 600_000).to_string();
    for user in rest.iter().take(100) {
        let token = format!("qr_{user}");
        let inside: u8 = line.call("count_in", &[user.clone(), user.clone(), token, until.clone()]);
        assert_eq!(inside, 1);
    }
    line.together("poll", &["600000"], (0..COUNT).filter(there).skip(100));
    assert_eq!(line.heartbeats(), rest.len());
    line.pass(120);
    for _ in 0..10 {
        line.now += SECOND;
        assert_eq!(line.tick(true, 100, 0..0).1, 0);
    }
    assert_eq!(line.heartbeats(), rest.len() - 100);

    let mut admitted = 100;
    while admitted < rest.len() {
        line.now += SECOND;
        let (now, _) = line.tick(false, 100, admitted..admitted + 500);
        admitted += now;
        assert!(now > 0 && line.line() == rest[admitted..], "the front is admitted");
    }
    assert_eq!(line.heartbeats(), 0);
}
