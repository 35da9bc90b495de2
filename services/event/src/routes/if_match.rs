use axum::extract::FromRequestParts;
use common::problem::{Code, Problem};
use http::{header, request::Parts};

/// Which states of a thing the client allows to be replaced: the tags of `If-Match`.
///
/// `*` would match whatever is there, which is what the condition exists to prevent, so it is refused like a missing one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IfMatch(Vec<String>);

impl IfMatch {
    /// 412 unless the thing still has one of the tags. Strong comparison, as RFC 9110 wants it here: a weak tag matches
    /// nothing.
    pub(super) fn require(&self, etag: &str) -> Result<(), Problem> {
        if self.0.iter().any(|tag| tag == etag) {
            Ok(())
        } else {
            Err(Problem::new(Code::PreconditionFailed).detail("Look at it again, and then decide."))
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let tags = tags(parts);
        if tags.is_empty() || tags.iter().any(|tag| tag == "*") {
            let detail = "If-Match must have the ETag of what is to be changed.";
            return Err(Problem::new(Code::PreconditionRequired).detail(detail));
        }
        Ok(Self(tags))
    }
}

/// A condition that the client may leave out, where a change overwrites little.
#[derive(Clone, Debug)]
pub(crate) struct IfMatchIfGiven(Option<IfMatch>);

impl IfMatchIfGiven {
    /// As [`IfMatch::require`], if there is a condition.
    pub(super) fn require(&self, etag: &str) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |condition| condition.require(etag))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatchIfGiven {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let tags = tags(parts);
        let anything = tags.is_empty() || tags.iter().any(|tag| tag == "*");
        Ok(Self((!anything).then_some(IfMatch(tags))))
    }
}

fn tags(parts: &Parts) -> Vec<String> {
    let values = parts.headers.get_all(header::IF_MATCH).iter();
    values
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;

    async fn condition(values: &[&str]) -> Result<IfMatch, Code> {
        let mut request = Request::builder();
        for value in values {
            request = request.header(header::IF_MATCH, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        IfMatch::from_request_parts(&mut parts, &())
            .await
            .map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn a_condition_names_what_the_client_saw() {
        for vague in [&[][..], &[""], &["*"], &["\"1\"", "*"], &[" , "]] {
            assert_eq!(condition(vague).await, Err(Code::PreconditionRequired), "{vague:?}");
        }
        for (values, holds) in [
            (&["\"7\""][..], true),
            (&["\"6\", \"7\""], true),
            (&["\"6\"", "\"7\""], true),
            (&["\"6\""], false),
            (&["W/\"7\""], false),
            (&["7"], false),
        ] {
            let condition = condition(values).await.unwrap();
            assert_eq!(condition.require("\"7\"").is_ok(), holds, "{values:?}");
        }
    }
}
