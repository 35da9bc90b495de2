//! Random histories of one line.

use super::admission::Order;
use super::state::User;
use proptest::prelude::*;

pub(super) const USERS: User = 8;

/// Which of the grants that were ever told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// The user's own of now, if there is one.
    Own,
    /// One that the user had, so many ago.
    Former(usize),
    /// Another user's.
    Foreign(User),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Sale {
    Open,
    Early,
    Over,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Microseconds.
    Pass(i64),
    /// The clock is set back, in microseconds.
    SetBack(i64),
    /// Together, with so many places in line.
    Enter(Vec<User>, Sale, usize),
    Poll(Vec<User>),
    /// Everybody who is there polls, so many times.
    AllPoll(usize),
    Peek(User),
    Leave(User),
    Tick(Order),
    /// So many ticks of the usual order, a second apart.
    Ticks(usize),
    Release(User, Which),
    /// Until so many milliseconds from now.
    Extend(User, i64),
    Validate(User, Which),
    /// With the grant of then or a new one, for so many milliseconds from now.
    CountIn(User, Option<usize>, i64),
    /// By the ticket that the user was given so many ago, with so many places at most. What was given without the ticket is
    /// the user's place but for so much, or nothing was.
    Restore(User, usize, Option<usize>, Option<i64>),
    Close,
    Stats,
    /// How many at the front, and how many marks.
    Snapshot(usize, usize),
    /// Redis loses everything.
    Lose,
}

/// A life of a line.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// Microseconds of the clock at its beginning.
    pub(super) begins: i64,
    pub(super) session: i64,
    pub(super) usual: Order,
    pub(super) deeds: Vec<Deed>,
}

const SECOND: i64 = 1_000_000;

fn orders() -> impl Strategy<Value = Order> {
    let pace = (
        prop::sample::select(vec![1, 2, 7, 40_u32]),
        prop::sample::select(vec![0.3, 2.0, 5.0]),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.1),
    );
    let room = (
        prop::sample::select(vec![0, 1, 2, 3, 5, 1000, 1000, 1000_i64]),
        prop::sample::select(vec![-1, 0, 1, 2, 4, 1000, 1000, 1000, 1000_i64]),
        prop::bool::weighted(0.1),
    );
    let patience = (
        prop::sample::select(vec![15, 30, 150_i64]),
        prop::sample::select(vec![500, 3_000, 60_000_i64]),
        prop::sample::select(vec![1, 2, 500, 500, 500_usize]),
        prop::sample::select(vec![0, 1, 2, 128, 128, 128_usize]),
        prop::sample::select(vec![0, 1, 500, 500, 500_usize]),
    );
    (pace, room, patience).prop_map(|(pace, room, patience)| {
        let burst = (f64::from(pace.0) * pace.1).max(1.0);
        Order {
            rate: pace.0,
            burst,
            full_bucket: pace.2,
            paused: pace.3,
            cap: room.0,
            unsold: room.1,
            outdated: room.2,
            grace: patience.0,
            claim: patience.1,
            batch: patience.2,
            evictions: patience.3,
            grants: patience.4.min(patience.2).min(burst.ceil() as usize),
        }
    })
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        3 => Just(Which::Own),
        2 => (0..3_usize).prop_map(Which::Former),
        1 => (0..USERS).prop_map(Which::Foreign),
    ]
}

fn deeds() -> impl Strategy<Value = Deed> {
    let user = 0..USERS;
    // Most come alone.
    let users = || prop_oneof![4 => prop::collection::vec(0..USERS, 1), 1 => prop::collection::vec(0..USERS, 1..6)];
    let pass = prop_oneof![
        2 => 1..1000_i64,
        4 => 1000..900_000_i64,
        6 => SECOND..6 * SECOND,
        4 => 6 * SECOND..40 * SECOND,
        2 => 40 * SECOND..200 * SECOND,
        1 => Just(700 * SECOND),
    ];
    prop_oneof![
        20 => (users(), sales(), prop::sample::select(vec![3, 100, 100, 100])).prop_map(|(users, sale, capacity)| Deed::Enter(users, sale, capacity)),
        18 => pass.prop_map(Deed::Pass),
        1 => (1..300 * SECOND).prop_map(Deed::SetBack),
        16 => users().prop_map(Deed::Poll),
        5 => (1..5_usize).prop_map(Deed::AllPoll),
        2 => user.clone().prop_map(Deed::Peek),
        3 => user.clone().prop_map(Deed::Leave),
        12 => orders().prop_map(Deed::Tick),
        10 => (1..6_usize).prop_map(Deed::Ticks),
        5 => (user.clone(), which()).prop_map(|(user, which)| Deed::Release(user, which)),
        4 => (user.clone(), -60_000..700_000_i64).prop_map(|(user, until)| Deed::Extend(user, until)),
        4 => (user.clone(), which()).prop_map(|(user, which)| Deed::Validate(user, which)),
        3 => (user.clone(), prop::option::of(0..3_usize), -1000..400_000_i64).prop_map(|(user, grant, life)| Deed::CountIn(user, grant, life)),
        8 => (user, 0..4_usize, prop::option::of(0..4_usize), prop::option::of(prop::sample::select(vec![0, 0, 1, -1_i64])))
            .prop_map(|(user, age, cap, off)| Deed::Restore(user, age, cap, off)),
        1 => Just(Deed::Close),
        2 => Just(Deed::Stats),
        2 => (1..4_usize, 1..4_usize).prop_map(|(front, marks)| Deed::Snapshot(front, marks)),
        1 => Just(Deed::Lose),
    ]
}

fn sales() -> impl Strategy<Value = Sale> {
    prop_oneof![30 => Just(Sale::Open), 1 => Just(Sale::Early), 1 => Just(Sale::Over)]
}

/// Histories of up to `length` deeds.
pub(super) fn histories(length: usize) -> impl Strategy<Value = History> {
    let begins = prop_oneof![
        4 => Just(1_795_386_138_572_740),
        // Heartbeats keep 48 bits of the score, and these are about to begin anew: in the year 2032.
        1 => (1..60 * SECOND).prop_map(|before| (7_i64 << 48) - before),
    ];
    let session = prop::sample::select(vec![5_000, 60_000, 600_000_i64]);
    (begins, session, orders(), prop::collection::vec(deeds(), 1..length)).prop_map(
        |(begins, session, usual, deeds)| History {
            begins,
            session,
            usual,
            deeds,
        },
    )
}
