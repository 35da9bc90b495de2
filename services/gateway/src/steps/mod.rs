//! The gateway's work on a request, one file per step, in the order of `design.md` §4. [`crate::pipeline`] puts them in line.

pub(crate) mod authenticate;
pub(crate) mod authorise;
pub(crate) mod check_host;
pub(crate) mod compress;
pub(crate) mod cors;
pub(crate) mod known_tokens;
pub(crate) mod normalise_path;
pub(crate) mod queue_token;
pub(crate) mod rate_limit;
pub(crate) mod security_headers;
pub(crate) mod spelling;
pub(crate) mod strip_identity;
