//! The confirm: the one place where a buyer is charged (design.md §8.3).
//!
//! | step | what | committed where |
//! |---|---|---|
//! | 1 | `confirm_started_at` from null, one winner | our row |
//! | 2a | the reservation is locked for this payment | the reservation service's rows |
//! | 2b | `locked_at`, only while still PENDING | our row |
//! | 3 | PortOne is told to charge, once | PortOne |
//! | 4 | PortOne is asked what it did | – |
//! | 5 | SUCCESS, saga, PaymentSuccess; or FAILED, PaymentFailed | our rows and the outbox |
//!
//! # Who may die where, and what then holds
//!
//! Whatever dies after step 1 leaves a PENDING row with `confirm_started_at`. The reconciler of any replica asks PortOne
//! about it from 60 s on, a webhook of PortOne earlier. "We" is this process, our machine, or our connection to the one
//! that is asked; a time-out is the same as a death.
//!
//! | dies | at that moment | what holds, and how it ends |
//! |---|---|---|
//! | we, before 1 commits | nothing happened | the buyer confirms again |
//! | we, after 1, before 2a | no lock, no charge | nobody else can confirm (202). PortOne says READY: FAILED after 3 min with PaymentFailed, which a reservation that is not locked for us ignores; the hold ends by itself |
//! | we, in 2a | locked or not, no charge | as above; if it is locked, PaymentFailed frees it, or the reservation service, which asks for the outcome after 2 min |
//! | reservation service, in 2a | locked or not | the lock is idempotent by payment id, so it is asked once more at once; then as above, and the buyer has 202 |
//! | we, after 2a, before 2b | locked, no charge | as above: without 2b nobody ever goes to step 3 |
//! | a slow winner comes to 2b after the reconciler has ended the payment | FAILED | 2b changes no row, so step 3 is not reached: nobody is charged for a payment that has ended |
//! | we, after 2b, before 3 | locked, no charge | READY: FAILED after 3 min, PaymentFailed |
//! | PortOne is not reachable or its circuit is open in 3 | certainly no charge | the lock is given back, then step 1 is undone: 503, and the buyer may confirm again while the hold lasts. If giving back fails, as the line above |
//! | the connection, in 3 | charged or not | unknown is not failed: 202; PAID becomes SUCCESS by webhook or reconciler, READY becomes FAILED after 3 min |
//! | we, in 3 | charged or not | the same |
//! | PortOne still works on 3 after our time-out, and charges after we made it FAILED | charged, FAILED | the reads at 10 min, 1 h and 24 h, or the webhook, find the capture: refunded |
//! | bank declines in 3 | no charge | GET says FAILED: FAILED, PaymentFailed, 402. If the GET dies, the reconciler sees FAILED after 60 s |
//! | we or PortOne, in 4 | charged | as in 3 |
//! | PostgreSQL, before or in 5 | charged | 202; webhook or reconciler do step 5 |
//! | COMMIT's reply in 5 is lost | charged, SUCCESS or PENDING | whoever comes next finds either and does the rest, once: the row's state decides |
//! | we, after 5 | charged, SUCCESS, message in the outbox | the relay sends it; the buyer reads SUCCESS |
//! | webhook and confirm come to 5 at once | charged | the saga row's lock: the second finds SUCCESS |
//! | buyer hangs up anywhere | – | the steps go on without the connection (`run`) |

mod answer;
mod charge;
mod lock;
mod start;

pub(crate) use answer::Outcome;
pub(crate) use start::run;
