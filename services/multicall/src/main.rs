//! All six services as one file, which is what runs in production. Which of them a process is, says the name that the file is
//! called by (a link `queue-service`), or the variable `SERVICE` where names cannot be given, as in an image.
//!
//! Six processes of one file have its code in memory once, and linking it takes a sixth of the time. While developing each
//! service is a program of its own, so that a change to one links only that one.

use std::{env, path::Path, process::ExitCode};

const USAGE: &str = "call it by the name of a service (gateway, user-service, event-service, queue-service, \
                     reservation-service, payment-service), or give that name in SERVICE";

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "settings are a service's, and which one this is remains to be told"
)]
async fn main() -> ExitCode {
    let called = env::args().next().unwrap_or_default();
    let file = Path::new(&called).file_name().and_then(|name| name.to_str());
    let service = env::var("SERVICE").ok();
    // The name comes first: who calls `queue-service` wants no other, whatever is in the environment.
    for name in [file, service.as_deref()].into_iter().flatten() {
        match name {
            "gateway" => return gateway::program().await,
            "user-service" => return user_service::program().await,
            "event-service" => return event_service::program().await,
            "queue-service" => return queue_service::program().await,
            "reservation-service" => return reservation_service::program().await,
            "payment-service" => return payment_service::program().await,
            _ => {}
        }
    }
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
