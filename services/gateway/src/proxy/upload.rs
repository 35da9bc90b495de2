use crate::{
    body::{Inbound, Upload, UploadState},
    refusal::Refusal,
};
use common::problem::{Code, Problem};
use http::{HeaderValue, header};
use http_body_util::BodyExt;
use std::time::Duration;

/// How much of a body that is refused is still read, and for how long. Closing a connection on unread data resets it, and
/// the client would never see why.
const MAX_DISCARDED_BYTES: usize = 2 * 1024 * 1024;
const MAX_DISCARD_TIME: Duration = Duration::from_secs(1);

/// The refusal of a body that is larger than the route takes, after reading some of its rest. Who waits to be asked for it has
/// sent nothing that would have to be read, and is not asked.
pub(super) async fn too_large(rest: Option<Inbound>) -> Refusal {
    if let Some(rest) = rest.filter(|rest| !rest.waits_for_invitation()) {
        discard(rest).await;
    }
    closing(Code::PayloadTooLarge.into())
}

/// The refusal if a failed call was the client's own fault.
pub(super) async fn client_fault(upload: Option<&Upload>) -> Option<Refusal> {
    let upload = upload?;
    match upload.state() {
        UploadState::Done => None,
        UploadState::TooLarge => Some(too_large(upload.take_rest()).await),
        UploadState::Broken => Some(malformed("The body was broken off.")),
        UploadState::Running => Some(malformed("The body did not arrive in time.")),
    }
}

fn malformed(detail: &str) -> Refusal {
    closing(Problem::new(Code::MalformedRequest).detail(detail).into())
}

/// What is left of the body would be read as the next request.
fn closing(refusal: Refusal) -> Refusal {
    refusal.with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

async fn discard(mut body: Inbound) {
    let reading = async {
        let mut left = MAX_DISCARDED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Whoever is slower than that does not get to see the reply.
    let _read = tokio::time::timeout(MAX_DISCARD_TIME, reading).await;
}
