//! Loads made of virtual buyers, who talk to a running system as real ones do: through the gateway, with access tokens,
//! polling when they are told to.
//!
//! What any load is made of:
//!
//! | module | what |
//! |---|---|
//! | `accounts` | N accounts and access tokens in seconds; a few buyers who register and log in for real |
//! | `world` | the state file of `cargo xtask up`; an administrator who puts a hall of N seats on sale |
//! | `client` | HTTP/1.1 over a bounded number of kept connections, and server-sent events |
//! | `recorder` | latencies from the moment a call was due, and replies, per endpoint |
//! | `watch` | memory and processor time per process |
//! | `fairness` | whether order in was order out, and the rate was kept |
//!
//! `mixed` are the loads of `cargo xtask bench mixed peak`; `onsale` is the load that `cargo xtask onsale` runs; `guests` come to
//! the loads of `cargo xtask load`. The program is `main`.
#![expect(clippy::print_stdout, reason = "a run shows how it goes")]

pub mod accounts;
pub mod client;
pub mod fairness;
pub mod guests;
pub mod mixed;
pub mod onsale;
pub mod recorder;
pub mod watch;
pub mod world;
