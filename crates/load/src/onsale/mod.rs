//! The on-sale: everybody comes in the first seconds, and the hall is sold seat by seat until it is full.
//!
//! | module | what |
//! |---|---|
//! | `plan` | what each buyer is up to, by seed |
//! | `waiter` | a buyer from coming until being admitted |
//! | `hope` | whether somebody who waits still hopes for a seat |
//! | `shopper` | a buyer who was admitted |
//! | `sale` | what all buyers share |
//! | `conductor` | opens, watches, shows, ends |
//! | `books` | what the database says about the event afterwards |
//! | `design` | which refusals are right |
//! | `bars` | what is held to what |
//! | `verdict` | everything that was found, and whether it holds |
//! | `page` | the report for people |

mod bars;
mod books;
mod chart;
mod conductor;
mod design;
mod hope;
mod page;
mod plan;
mod sale;
mod shopper;
mod verdict;
mod waiter;

pub use conductor::{Options, run};
