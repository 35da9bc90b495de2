//! The scripts, loaded once per Redis and called by their digest.

use redis::Script;
use std::sync::LazyLock;

/// A script about one event's line: the shared head, then the action.
macro_rules! line_script {
    ($($part:literal),+) => {
        LazyLock::new(|| Script::new(concat!(include_str!("../../lua/line.lua"), $(include_str!($part)),+)))
    };
}

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(include_str!($file)))
    };
}

pub(super) static ENTER: LazyLock<Script> =
    line_script!("../../lua/beats.lua", "../../lua/crowd.lua", "../../lua/enter.lua");
pub(super) static POLL: LazyLock<Script> =
    line_script!("../../lua/beats.lua", "../../lua/crowd.lua", "../../lua/poll.lua");
pub(super) static PEEK: LazyLock<Script> = line_script!("../../lua/peek.lua");
pub(super) static RESTORE: LazyLock<Script> = line_script!("../../lua/restore.lua");
pub(super) static COUNT_IN: LazyLock<Script> = line_script!("../../lua/count_in.lua");
pub(super) static LEAVE: LazyLock<Script> = line_script!("../../lua/beats.lua", "../../lua/leave.lua");
pub(super) static ADMIT: LazyLock<Script> = line_script!("../../lua/beats.lua", "../../lua/admit.lua");
pub(super) static CLOSE: LazyLock<Script> = line_script!("../../lua/close.lua");
pub(super) static STATS: LazyLock<Script> = line_script!("../../lua/stats.lua");
pub(super) static SNAPSHOT: LazyLock<Script> = line_script!("../../lua/snapshot.lua");
pub(super) static VALIDATE: LazyLock<Script> = line_script!("../../lua/validate.lua");
pub(super) static EXTEND: LazyLock<Script> = line_script!("../../lua/extend.lua");
pub(super) static RELEASE: LazyLock<Script> = line_script!("../../lua/release.lua");

pub(super) static SWAP_CLAIM: LazyLock<Script> = script!("../../lua/swap_claim.lua");
pub(super) static EXTEND_CLAIM: LazyLock<Script> = script!("../../lua/extend_claim.lua");

pub(super) static REGISTER_LIVE: LazyLock<Script> = script!("../../lua/register_live.lua");
pub(super) static RETIRE_LIVE: LazyLock<Script> = script!("../../lua/retire_live.lua");
