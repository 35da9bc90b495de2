//! Which slot a key is in, and which master owns which slots (the Redis Cluster specification).

use ::redis::{Cmd, FromRedisValue, RedisResult, Value, from_redis_value};
use crc::{CRC_16_XMODEM, Crc, Table};

const CRC16: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_XMODEM);
const SLOTS: u16 = 16_384;

/// Tags whose slots are 512, 1536, 2560 …: whoever owns 1,024 neighbouring slots owns one of them.
pub(super) const TAGS: [&str; 16] = [
    "1768", "20261", "18360", "41271", "3453", "11199", "29098", "8591", "265", "45842", "13409", "17891", "46093",
    "3635", "2912", "48623",
];

/// The slot of a key: that of the text in its first braces, if it has any.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let close = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    });
    CRC16.checksum(tag.unwrap_or(key)) % SLOTS
}

/// Where a command must go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To the owner of the slot of its (first) key.
    Slot(u16),
    /// To who lacks the script.
    Scripts,
    /// To any master: it names no key.
    Any,
}

/// Reads the target off a command. Ours name their key first, except scripts, which say how many there are.
pub(super) fn target(command: &Cmd) -> Target {
    let argument = |index| match command.args_iter().nth(index) {
        Some(::redis::Arg::Simple(argument)) => Some(argument),
        _ => None,
    };
    let name = argument(0).unwrap_or_default();
    if [&b"EVALSHA"[..], b"EVAL"]
        .iter()
        .any(|script| name.eq_ignore_ascii_case(script))
    {
        return match argument(2) {
            Some(b"0") | None => Target::Any,
            Some(_) => argument(3).map_or(Target::Any, |key| Target::Slot(slot(key))),
        };
    }
    if name.eq_ignore_ascii_case(b"SCRIPT") {
        return Target::Scripts;
    }
    if [&b"PING"[..], b"TIME", b"INFO"]
        .iter()
        .any(|keyless| name.eq_ignore_ascii_case(keyless))
    {
        return Target::Any;
    }
    argument(1).map_or(Target::Any, |key| Target::Slot(slot(key)))
}

/// A range of slots and its master, as `CLUSTER SLOTS` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Reads the answer to `CLUSTER SLOTS`, in the order of the slots. `asked` is the host that answered: a node that does not
/// know its own name leaves it out. Ranges whose master nobody can name are left out.
pub(super) fn read_layout(answer: Value, asked: &str) -> RedisResult<Vec<Owned>> {
    let mut ranges = Vec::new();
    for range in from_redis_value::<Vec<Vec<Value>>>(answer)? {
        let mut range = range.into_iter();
        let (Some(first), Some(last), Some(master)) = (range.next(), range.next(), range.next()) else {
            continue;
        };
        let mut master = Vec::<Value>::from_redis_value(master)?.into_iter();
        let (Some(host), Some(port)) = (master.next(), master.next()) else {
            continue;
        };
        let host = match Option::<String>::from_redis_value(host)? {
            Some(host) if host == "?" => continue,
            Some(host) if !host.is_empty() => host,
            _ => asked.to_owned(),
        };
        ranges.push(Owned {
            first: from_redis_value(first)?,
            last: from_redis_value(last)?,
            host,
            port: from_redis_value(port)?,
        });
    }
    ranges.sort_by_key(|range| range.first);
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::redis::cmd;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31C3);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"{user1000}.following"), slot(b"user1000"));
        assert_eq!(slot(b"foo{}{bar}"), CRC16.checksum(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
        assert_eq!(slot(b"foo{bar"), CRC16.checksum(b"foo{bar") % SLOTS);
    }

    #[test]
    fn tags_are_a_sixteenth_of_the_slots_apart() {
        let slots = TAGS.map(|tag| slot(format!("name:{{{tag}}}").as_bytes()));
        let expected: Vec<u16> = (0..16).map(|index| index * 1024 + 512).collect();
        assert_eq!(slots.to_vec(), expected);
    }

    #[test]
    fn commands_go_where_their_key_is() {
        let foo = Target::Slot(12182);
        assert_eq!(target(cmd("GET").arg("foo")), foo);
        assert_eq!(
            target(cmd("EVALSHA").arg("digest").arg(2).arg("foo").arg("{foo}:x").arg("bar")),
            foo
        );
        assert_eq!(target(cmd("evalsha").arg("digest").arg(0).arg("foo")), Target::Any);
        assert_eq!(target(cmd("SCRIPT").arg("LOAD").arg("return 1")), Target::Scripts);
        for keyless in ["PING", "TIME"] {
            assert_eq!(target(&cmd(keyless)), Target::Any);
        }
        assert_eq!(target(cmd("INFO").arg("server")), Target::Any);
    }

    #[test]
    fn a_layout_names_masters_only_and_fills_in_the_host_that_was_asked() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(Vec::new())]);
        let range =
            |first, last, nodes: Vec<Value>| Value::Array([vec![Value::Int(first), Value::Int(last)], nodes].concat());
        let answer = Value::Array(vec![
            range(8192, 16383, vec![node(text(""), 2), node(text("replica"), 9)]),
            range(0, 4095, vec![node(text("a"), 1)]),
            range(4096, 8191, vec![node(text("?"), 3)]),
        ]);
        let owned = |first, last, host: &str, port| Owned {
            first,
            last,
            host: host.to_owned(),
            port,
        };
        assert_eq!(
            read_layout(answer, "asked").unwrap(),
            [owned(0, 4095, "a", 1), owned(8192, 16383, "asked", 2)]
        );
    }
}
