//! The accept loop. It is our own because of one thing `axum::serve` cannot do: take a request, do what it asks, and
//! then close the connection without a word, as a provider does whose reply is lost on the way.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// How long requests in progress may take to end once the process is told to stop.
const DRAIN: Duration = Duration::from_secs(3);

/// A response extension: what was asked has been done, but the caller shall not hear of it.
#[derive(Clone, Copy)]
pub(crate) enum Spoiled {
    /// The connection ends without a word.
    Lost,
    /// It is told that something went wrong.
    ServerError,
}

#[derive(Debug, thiserror::Error)]
#[error("the reply is lost on purpose")]
struct ReplyLost;

pub(crate) async fn answer_until(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, router.clone(), graceful.watcher()));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: trying again at once would only burn the processor.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopped before every request in progress had ended");
    }
}

async fn answer(stream: TcpStream, router: Router, watcher: hyper_util::server::graceful::Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was used");
    }
    let service = service_fn(move |request: Request<Incoming>| speak(router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// An error here makes hyper close the connection without having written anything.
async fn speak(router: Router, request: Request<Incoming>) -> Result<Response<Body>, ReplyLost> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    match response.extensions().get::<Spoiled>() {
        Some(Spoiled::Lost) => Err(ReplyLost),
        Some(Spoiled::ServerError) => {
            Ok((StatusCode::INTERNAL_SERVER_ERROR, "<html><body>500</body></html>").into_response())
        }
        None => Ok(response.into_response()),
    }
}
