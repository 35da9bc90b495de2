//! The scripts of production with one thing replaced: they ask a key for the time instead of Redis' clock.

use crate::waiting_line::scripts;
use redis::{Cmd, Connection, Script, cmd};
use std::collections::BTreeMap;

const CLOCK: &str = "local time = redis.call('TIME')\n  return time[1] * 1000000 + time[2]";
const TEST_CLOCK: &str = "return tonumber(redis.call('GET', KEYS[1] .. ':clock'))";

/// The parts of each script, and the digest of what production makes of them.
fn sources() -> Vec<(&'static str, Vec<&'static str>, &'static str)> {
    macro_rules! line_script {
        ($name:literal, $script:ident $(, $part:literal)*) => {
            (
                $name,
                vec![
                    include_str!("../../../../lua/line.lua"),
                    $(include_str!(concat!("../../../../lua/", $part, ".lua")),)*
                    include_str!(concat!("../../../../lua/", $name, ".lua")),
                ],
                scripts::$script.get_hash(),
            )
        };
    }
    vec![
        line_script!("enter", ENTER, "beats", "crowd"),
        line_script!("poll", POLL, "beats", "crowd"),
        line_script!("peek", PEEK),
        line_script!("restore", RESTORE),
        line_script!("count_in", COUNT_IN),
        line_script!("leave", LEAVE, "beats"),
        line_script!("admit", ADMIT, "beats"),
        line_script!("close", CLOSE),
        line_script!("stats", STATS),
        line_script!("snapshot", SNAPSHOT),
        line_script!("validate", VALIDATE),
        line_script!("extend", EXTEND),
        line_script!("release", RELEASE),
    ]
}

/// A guard that is taken out of the scripts, to see whether the model misses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// What is missing then.
    pub(super) what: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

/// The scripts as a test runs them, by name.
pub(super) struct Scripts(BTreeMap<&'static str, String>);

impl Scripts {
    /// Loads the scripts, with a fault planted if there is one.
    pub(super) fn load(redis: &mut Connection, fault: Option<Fault>) -> Self {
        let mut planted = fault.is_none();
        let mut digests = BTreeMap::new();
        for (name, parts, production) in sources() {
            let source = parts.concat();
            assert_eq!(
                Script::new(&source).get_hash(),
                production,
                "{name} is not made of the parts named here any more"
            );
            assert_eq!(
                source.matches("'TIME'").count(),
                1,
                "{name} asks for the time in one place"
            );
            let mut source = source.replacen(CLOCK, TEST_CLOCK, 1);
            assert!(!source.contains("'TIME'"), "{name} asks for the time in another way");
            if let Some(fault) = fault
                && source.contains(fault.from)
            {
                assert_eq!(source.matches(fault.from).count(), 1, "{} in {name}", fault.from);
                source = source.replacen(fault.from, fault.to, 1);
                planted = true;
            }
            let digest = cmd("SCRIPT").arg("LOAD").arg(source).query(redis).unwrap();
            digests.insert(name, digest);
        }
        assert!(planted, "`{}` stands in no script", fault.unwrap().from);
        Self(digests)
    }

    /// A call of the script, still without its arguments.
    pub(super) fn call(&self, name: &str, keys: &[String]) -> Cmd {
        let mut call = cmd("EVALSHA");
        call.arg(&self.0[name]).arg(keys.len()).arg(keys);
        call
    }
}
