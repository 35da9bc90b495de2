use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A class of seats, best first; each has one price per concert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Grade {
    Vip,
    S,
    A,
    B,
}

impl Grade {
    /// As it stands in JSON and in rows.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Vip => "VIP",
            Self::S => "S",
            Self::A => "A",
            Self::B => "B",
        }
    }

    /// The grade of that text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "VIP" => Some(Self::Vip),
            "S" => Some(Self::S),
            "A" => Some(Self::A),
            "B" => Some(Self::B),
            _ => None,
        }
    }
}
