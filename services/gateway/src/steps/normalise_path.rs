//! Brings a request's path to its one [`spelling`](super::spelling) and leaves its query as it came.

use super::spelling::{PathRefusal, normalise};
use crate::refusal::Refusal;
use common::problem::{Code, Problem};
use http::{Uri, uri::PathAndQuery};
use std::borrow::Cow;

/// The path in its one spelling, with its query as it came.
pub(crate) fn normalised_target(uri: &Uri) -> Result<PathAndQuery, Refusal> {
    let malformed = || Refusal::from(Problem::new(Code::MalformedRequest).detail("The path is not valid."));
    let target = uri.path_and_query().ok_or_else(malformed)?;
    match normalise(target.path()) {
        Ok(Cow::Borrowed(_)) => Ok(target.clone()),
        Ok(Cow::Owned(path)) => {
            let text = target
                .query()
                .map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
            PathAndQuery::try_from(text).map_err(|_| malformed())
        }
        Err(PathRefusal::Internal) => Err(Code::NotFound.into()),
        Err(PathRefusal::Ambiguous) => Err(malformed()),
    }
}
