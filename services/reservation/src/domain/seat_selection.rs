use uuid::Uuid;

/// The seats that somebody wants at once: at least one, none twice, sorted, because locks are taken in the order of the
/// seats' ids (`design.md` §8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeatSelection(Vec<Uuid>);

/// Why a list of seats is no selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SelectionError {
    /// There is none.
    Empty,
    /// One stands there twice.
    Duplicate,
    /// There are more than one booking may have.
    TooMany,
}

impl SeatSelection {
    /// Checks the list against the limit per booking.
    pub(crate) fn new(mut seats: Vec<Uuid>, max_per_booking: usize) -> Result<Self, SelectionError> {
        if seats.is_empty() {
            return Err(SelectionError::Empty);
        }
        let given = seats.len();
        seats.sort_unstable();
        seats.dedup();
        if seats.len() < given {
            return Err(SelectionError::Duplicate);
        }
        if given > max_per_booking {
            return Err(SelectionError::TooMany);
        }
        Ok(Self(seats))
    }

    /// The seats, sorted by id.
    pub(crate) fn ids(&self) -> &[Uuid] {
        &self.0
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_sorted_and_none_is_twice() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(SeatSelection::new(vec![b, a], 4).unwrap().ids(), [a, b]);
        assert_eq!(SeatSelection::new(vec![a, b, a], 4), Err(SelectionError::Duplicate));
    }

    #[test]
    fn a_booking_has_one_to_four_seats() {
        let seats = |n: u128| (0..n).map(Uuid::from_u128).collect::<Vec<_>>();
        assert_eq!(SeatSelection::new(seats(0), 4), Err(SelectionError::Empty));
        assert_eq!(SeatSelection::new(seats(4), 4).unwrap().len(), 4);
        assert_eq!(SeatSelection::new(seats(5), 4), Err(SelectionError::TooMany));
    }
}
