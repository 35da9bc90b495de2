//! Every key, with what it holds.

use uuid::Uuid;

/// `queue:live`: zset eventId → second of the last entry or poll. The events that admission must look at. On a cluster
/// there are copies, `queue:live:{<tag>}`.
pub(super) const LIVE: &str = "queue:live";

/// `queue:epoch`: text `<epoch>|<run ids>`, after a loss also `|<whole ms>|<noticed ms>|<resumes ms>`. Which life of Redis'
/// memory this is; missing, or without the server's own run id, it says that places were lost. On a cluster every master has
/// copies, `queue:epoch:{<tag>}`.
pub(super) const EPOCH: &str = "queue:epoch";

/// The keys of one event's line, in the order in which every script of it takes them.
pub(crate) fn line(event: Uuid) -> [String; 8] {
    let base = format!("queue:{{{event}}}");
    [
        // The line itself: zset userId → score, the strictly increasing microsecond of entry.
        base.clone(),
        // beats: hash of 16,384 fields at most. A waiter's heartbeat is ten bytes (score, second) in field
        // `score / 512 % 16384`.
        format!("{base}:beats"),
        // grants: hash userId → `id|token|score|state|expiry ms|second last seen`, state C (claimable) or A (active).
        format!("{base}:grants"),
        // active: zset userId → expiry in ms of the grant; its size is the number of places taken.
        format!("{base}:active"),
        // returned: set of users whose unclaimed grant went back to the line once; the second time it expires.
        format!("{base}:returned"),
        // gone: zset userId → `second * 8 + reason`; why somebody is no longer there, for ten minutes. Expires after them.
        format!("{base}:gone"),
        // control: hash. last (score given last), tokens and ticked (the bucket), grace (since when silence counts), beats,
        // beats_at and beats_ref (how many poll), quiet (windows without any), sweep (cursor), busy and measured (pace), sales
        // (confirmed reservations), life (the name of this memory, lost with it),
        // closed (second of the closing), admitted, expired, left, evicted (counters). Expires a week after the last tick, a
        // day after the closing.
        format!("{base}:control"),
        // pace: hash slice of 10 s → `admitted:busy µs`, the last minute.
        format!("{base}:pace"),
    ]
}

/// `queue:active:<userId>`: the event the user queues for, 10 min, refreshed by polling. For the moment in which it may move to
/// another event: `<event>><nonce>`.
pub(crate) fn claim(user: Uuid) -> String {
    format!("queue:active:{user}")
}

/// `queue:left:<userId>`: the event the user left last, 10 min.
pub(super) fn left(user: Uuid) -> String {
    format!("queue:left:{user}")
}

/// `queue:rejoined:<eventId>:<userId>`: score of the place at the end that a user was given after a loss without a ticket, as
/// long as tickets give places back.
pub(super) fn rejoined(event: Uuid, user: Uuid) -> String {
    format!("queue:rejoined:{event}:{user}")
}

/// `queue:token:<token>`: JSON `{userId, eventId, type, issuedAt}` (`reservationId` too for `PAYMENT`), as long as the token
/// lives. The gateway reads it.
pub(super) fn token(token: &str) -> String {
    format!("queue:token:{token}")
}
