//! Social login (`docs/social-login.md` shows the way of a browser).

pub(super) mod authorize;
pub(super) mod callback;
pub(super) mod link;
pub(super) mod signup;
pub(super) mod unlink;

use common::problem::{Code, Problem};

/// What a provider gives is text that a person can see; nothing else is a code.
fn parse_code(code: &str) -> Result<&str, Problem> {
    if (1..=2048).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(code)
    } else {
        Err(Problem::new(Code::OauthCodeInvalid))
    }
}
