//! The services this one calls: what they are asked, and what they answer.

mod event;
mod payment;
mod queue;

pub(crate) use event::{CatalogueSeat, EventClient, EventInfo, EventState};
pub(crate) use payment::{Outcome, OutcomeStatus, PaymentClient};
pub(crate) use queue::{PaymentToken, QueueClient};
