//! What an account is made of, parsed at the edge: whoever holds one of these types holds a valid value.

mod email;
mod password;
mod person_name;
mod phone;
mod terms;

pub(crate) use email::Email;
pub(crate) use password::Password;
pub(crate) use person_name::PersonName;
pub(crate) use phone::Phone;
pub(crate) use terms::{Agreement, TERMS, Terms, check_agreements};
