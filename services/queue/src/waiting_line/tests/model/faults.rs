//! Guards that are taken out of the scripts one at a time: the model must miss each of them.

use super::{TestEnv, play, scripts::Fault};
use std::sync::Mutex;

/// With one of these planted, so many histories are enough to notice.
const HISTORIES: u32 = 400;
const LANES: usize = 4;

const fn fault(what: &'static str, from: &'static str, to: &'static str) -> Fault {
    Fault { what, from, to }
}

const FAULTS: &[Fault] = &[
    fault(
        "the bucket holds no more than the burst",
        "math.min(burst, tokens + elapsed * rate / 1000000)",
        "tokens + elapsed * rate / 1000000",
    ),
    fault(
        "a new bucket after a loss is empty",
        "control[1] or initial",
        "control[1] or burst",
    ),
    fault(
        "who is first goes first",
        "redis.call('ZRANGE', LINE, 0, room",
        "redis.call('ZREVRANGE', LINE, 0, room",
    ),
    fault("the cap", "max_active - active, ", ""),
    fault("unsold seats", "unsold - active, ", ""),
    fault("a count from before the last sale is void", "not stale and ", ""),
    fault(
        "a sale is counted",
        "redis.call('HINCRBY', CONTROL, 'sales', 1) == 1",
        "false",
    ),
    fault("a pause empties the bucket", "tokens = paused and 0 or", "tokens ="),
    fault("scores increase strictly", "math.max(t, last + 1)", "math.max(t, last)"),
    fault(
        "scores increase when the clock is set back",
        "math.max(t, last + 1)",
        "t",
    ),
    fault("the line has an end", "waiting >= capacity", "false"),
    fault("the sale has an end", "t >= closes", "false"),
    fault(
        "who enters anew is not gone",
        "redis.call('ZREM', GONE, unpack(entered))",
        "",
    ),
    fault(
        "an unclaimed grant goes back once",
        "redis.call('SISMEMBER', RETURNED, user) == 0)",
        "true)",
    ),
    fault(
        "a place that comes back is where it was",
        "redis.call('ZADD', LINE, grant.score, user)",
        "redis.call('ZADD', LINE, t, user)",
    ),
    fault(
        "a claimed place counts as new",
        "write_grant(user, grant)\n    redis.call('SREM', RETURNED, user)",
        "write_grant(user, grant)",
    ),
    fault(
        "a poll does not prolong an active place",
        "if grant.state == 'C' then\n    grant.state",
        "if true then\n    grant.state",
    ),
    fault(
        "an ended place is over before a tick finds it",
        "elseif grant.expires <= millis then",
        "elseif false then",
    ),
    fault(
        "an outage of the ticks is held against nobody",
        "if elapsed > STALL then",
        "if false then",
    ),
    fault(
        "an outage of the polls is held against nobody",
        "beats * 2 < usual",
        "false",
    ),
    fault(
        "nobody is admitted while nobody is heard",
        "local halted = paused or unheard",
        "local halted = paused",
    ),
    fault(
        "what is offered while nobody is heard is not missed",
        "if not unheard then",
        "if true then",
    ),
    fault(
        "who is heard ends the silence at once",
        "usual >= FEW_BEATS and beats == 0 and",
        "usual >= FEW_BEATS and",
    ),
    fault(
        "a line of a few is never taken for one that is not heard",
        "local unheard = usual >= FEW_BEATS and",
        "local unheard =",
    ),
    fault(
        "a moment in which nobody polls is no outage",
        "quiet >= QUIET_WINDOWS",
        "quiet >= 1",
    ),
    fault(
        "evictions are bounded",
        "if evicted == max_evictions then",
        "if false then",
    ),
    fault("who is gone leaves no heartbeat", "forget({ tonumber(score) })", ""),
    fault("a message ends its own grant", " or grant.id ~= id", ""),
    fault("a token is good for its own grant", " or grant.token ~= ARGV[2]", ""),
    fault("an offered grant opens nothing", "grant.state ~= 'A' or ", ""),
    fault(
        "a hold never shortens a place",
        "if until_millis > grant.expires then",
        "if true then",
    ),
    fault("who has left is not counted in", "reason_for(user, t) ~= '' or ", ""),
    fault(
        "who is counted in waits no more",
        "redis.call('ZREM', LINE, user)\nwrite_grant",
        "write_grant",
    ),
    fault(
        "newcomers go behind a place that was restored",
        "score > tonumber(redis.call('HGET', CONTROL, 'last') or 0)",
        "false",
    ),
    fault(
        "no more are restored than there are places",
        "redis.call('ZCARD', ACTIVE) >= max_active",
        "false",
    ),
    fault("an old ticket opens nothing", "if not is_good then", "if false then"),
    fault(
        "an old ticket costs nobody the place at the end",
        "if is_good and score < at_the_end",
        "if score < at_the_end",
    ),
    fault(
        "a ticket moves nobody who took another place since",
        "or 0) == at_the_end",
        "or 0) <= at_the_end",
    ),
    fault("a ticket moves nobody backwards", "score < at_the_end and ", ""),
    fault(
        "a ticket moves who was put at the end",
        "redis.call('ZREM', LINE, user)\nend\nlocal standing",
        "\nend\nlocal standing",
    ),
    fault(
        "closing ends all grants",
        "'UNLINK', LINE, BEATS, GRANTS",
        "'UNLINK', LINE, BEATS",
    ),
    fault(
        "closing says so",
        "redis.call('HSET', CONTROL, 'closed'",
        "redis.call('HGET', CONTROL, 'closed'",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_guard_of_the_scripts_is_missed_when_it_is_gone() {
    let env = TestEnv::new().await;
    let (left, unnoticed) = (Mutex::new(FAULTS.to_vec()), Mutex::new(Vec::new()));
    let lane = || {
        loop {
            let Some(fault) = left.lock().unwrap().pop() else {
                return;
            };
            if play(&env, 1, HISTORIES, 0, Some(fault)).is_ok() {
                unnoticed.lock().unwrap().push(fault.what);
            }
        }
    };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for _ in 0..LANES {
                scope.spawn(lane);
            }
        });
    });
    let unnoticed = unnoticed.into_inner().unwrap();
    assert!(unnoticed.is_empty(), "without these all goes well: {unnoticed:#?}");
}
