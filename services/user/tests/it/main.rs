//! The user service as its clients see it: a real database, a real Redis, and the simulated third parties in this process.
#![expect(clippy::unwrap_used, reason = "what a test cannot set up or read is a failed test")]

mod access;
mod admin;
mod cluster;
mod helpers;
mod login;
mod logout;
mod logs;
mod me;
mod outages;
mod personal_data;
mod refresh;
mod register;
mod register_captcha;
mod register_identity;
mod register_races;
mod register_validation;
mod terms;
