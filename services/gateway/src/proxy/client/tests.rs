//! The client against services that are scripted byte by byte.

use super::*;
use crate::body::{BodyError, RequestBody};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

mod connections;
mod replies;
mod uploads;

/// More than anything here should take, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service and the way to it.
struct World {
    connector: Connector,
    address: SocketAddr,
    pool: Arc<Pool>,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl World {
    /// A service that does this with each connection.
    async fn new<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut running = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                running.spawn(serve(stream));
            }
        });
        Self {
            connector: Connector::new(Duration::from_secs(5)),
            address,
            pool: Pools::default().add(),
            connections,
            _serving: serving,
        }
    }

    /// A service that gives this answer to each request, and keeps its connections.
    async fn answering(answer: &'static str) -> Self {
        Self::new(move |mut stream| async move {
            while read_head(&mut stream).await.is_some() {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn send<B>(&self, request: &mut Outgoing<B>) -> Result<Response<ServiceBody>, Failure>
    where
        B: Body<Data = Bytes, Error = BodyError> + Unpin,
    {
        let sent = timeout(PATIENCE, call(&self.connector, self.address, &self.pool, request));
        sent.await.expect("it ends")
    }

    async fn call(&self, method: Method) -> Result<(StatusCode, String), String> {
        let mut request = request(method);
        let reply = self.send(&mut request).await.map_err(|failure| failure.to_string())?;
        let status = reply.status();
        read(reply.into_body()).await.map(|body| (status, body))
    }

    async fn get(&self) -> Result<(StatusCode, String), String> {
        self.call(Method::GET).await
    }
}

fn request(method: Method) -> Outgoing {
    let repeatable = method != Method::POST;
    let mut head = RequestHead::new(method, "/x");
    head.field("host", b"x");
    head.with_body(RequestBody::Empty, repeatable)
}

fn ok(body: &str) -> Result<(StatusCode, String), String> {
    Ok((StatusCode::OK, body.to_owned()))
}

async fn read(body: ServiceBody) -> Result<String, String> {
    let collected = timeout(PATIENCE, body.collect()).await.expect("it ends");
    let bytes = collected.map_err(|error| error.to_string())?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

/// A request's head; `None` at the end of the connection.
async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}
