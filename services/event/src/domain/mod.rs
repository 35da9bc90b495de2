//! What a concert, its hall and its seats are: rules without I/O.

mod claim;
mod event_order;
mod event_times;
mod grade;
mod poster;
mod prices;
mod seat_template;
mod violations;

pub(crate) use claim::Claim;
pub(crate) use event_order::{EventOrder, SortField};
pub(crate) use event_times::{EventStatus, EventTimes, in_range};
pub(crate) use grade::Grade;
pub(crate) use poster::PosterType;
pub(crate) use prices::Prices;
pub(crate) use seat_template::SeatTemplate;
pub(crate) use violations::Violations;
