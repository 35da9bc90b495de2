/// How far a reservation's claim on a seat has come (`design.md` §8.5). It only ever rises: messages of two topics arrive
/// in any order, and a late one must not undo what a later step decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Its payment was captured.
    Paid,
    /// The reservation service confirmed it.
    Confirmed,
    /// It was cancelled or could not be confirmed; it never comes back.
    Released,
}

impl Claim {
    /// The value of the database's enumeration, whose order is that of the claims.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "PAID",
            Self::Confirmed => "CONFIRMED",
            Self::Released => "RELEASED",
        }
    }
}
