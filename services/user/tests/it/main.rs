//! The user service as its clients see it: a real database, a real Redis, and the simulated third parties in this process.
#![expect(clippy::unwrap_used, reason = "what a test cannot set up or read is a failed test")]

mod access;
mod admin;
mod admin_users;
mod blacklist;
mod change_password;
mod cluster;
mod delete_me;
mod dormancy;
mod helpers;
mod key_rotation;
mod lock_out;
mod login;
mod login_history;
mod login_work;
mod logout;
mod logs;
mod me;
mod outages;
mod personal_data;
mod providers;
mod purge;
mod reactivate;
mod refresh;
mod register;
mod register_captcha;
mod register_identity;
mod register_races;
mod register_validation;
mod reset_password;
mod seeding;
mod session_races;
mod social;
mod terms;
mod update_me;
