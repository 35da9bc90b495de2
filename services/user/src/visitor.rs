use common::extract::header_text;
use http::{HeaderMap, header};
use std::net::IpAddr;

/// Who asks, as the gateway saw it; it overwrites what clients send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor<'a> {
    pub(crate) address: Option<&'a str>,
    /// As far as it is remembered.
    pub(crate) user_agent: Option<&'a str>,
}

impl<'a> Visitor<'a> {
    const AGENT_CHARS: usize = 300;

    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        Self {
            address: header_text(headers, "x-client-address").filter(|text| text.parse::<IpAddr>().is_ok()),
            user_agent: header_text(headers, header::USER_AGENT.as_str()).map(|text| truncate(text, Self::AGENT_CHARS)),
        }
    }
}

fn truncate(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}
