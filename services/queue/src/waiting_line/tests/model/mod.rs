//! The scripts against a model in plain Rust, under random histories: the model says what each reply must be and what must
//! lie in Redis afterwards, in every key, and `laws` that need no model are watched over each history.
//!
//! Time is the history's: the scripts are production's but for the one line in which they ask for it (`scripts`). A failure
//! is made as short as possible and printed with its seed; docs/testing.md names the variables.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Lua knows one kind of number, and these are whole and small"
)]

mod admission;
mod faults;

mod histories;
mod laws;
mod long_lines;
mod people;
mod player;
mod scripts;
mod state;

use super::TestEnv;
use histories::{History, histories};
use player::Player;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use scripts::Fault;
use std::{cell::RefCell, str::FromStr};

/// The number in an environment variable, which may be left out.
fn variable<T: FromStr>(name: &str, default: T) -> T {
    #[expect(clippy::disallowed_methods, reason = "settings of a test, not of a service")]
    let set = std::env::var(name);
    match set {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number")),
        Err(_) => default,
    }
}

/// Plays histories until one fails, which is returned as short as it still fails.
fn play(env: &TestEnv, seed: u64, cases: u32, shrinking: u32, fault: Option<Fault>) -> Result<(), String> {
    let player = RefCell::new(Player::new(env.redis_url(), fault));
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: shrinking,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&histories(120), |history: History| {
        player.borrow_mut().play(&history).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, history)) => Err(format!("{reason}\n{history:?}")),
        Err(TestError::Abort(reason)) => Err(reason.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_history_goes_as_the_model_says() {
    let first: u64 = variable("WAITING_LINE_SEED", 1);
    let lanes = variable("WAITING_LINE_LANES", 4);
    let histories = variable::<u32>("WAITING_LINE_HISTORIES", 160).div_ceil(lanes);
    let env = TestEnv::new().await;
    let lane = &|seed| {
        let played = play(&env, seed, histories, 4000, None);
        played.map_err(|problem| format!("WAITING_LINE_SEED={seed} WAITING_LINE_LANES=1: {problem}"))
    };
    let problems: Vec<String> = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (first..)
                .take(lanes as usize)
                .map(|seed| scope.spawn(move || lane(seed)))
                .collect();
            lanes
                .into_iter()
                .filter_map(|lane| lane.join().unwrap().err())
                .collect()
        })
    });
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}
