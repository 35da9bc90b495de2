//! Certificates of tests, and clients that believe them.

use crate::helpers::World;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// An authority of the test's own, and the files a gateway reads its certificate from.
pub(crate) struct Certificates {
    authority: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    folder: PathBuf,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();
        let folder = std::env::temp_dir().join(format!("gateway-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let certificates = Self {
            authority: Issuer::new(params, key),
            root,
            folder,
        };
        certificates.renew();
        certificates
    }

    /// Writes a new certificate, and returns it.
    pub(crate) fn renew(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        self.write("key.pem", &key.serialize_pem());
        self.write("cert.pem", &certificate.pem());
        certificate.der().clone()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.join(file), text).unwrap();
    }

    pub(crate) fn path(&self, file: &str) -> String {
        self.folder.join(file).to_str().unwrap().to_owned()
    }

    /// A gateway with this certificate.
    pub(crate) async fn world(&self, settings: &[(&str, &str)]) -> World {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        let mut all = vec![
            ("TLS_CERT_FILE", certificate.as_str()),
            ("TLS_KEY_FILE", &key),
            ("RATE_LIMIT_PROFILE", "loadtest"),
        ];
        all.extend(settings);
        World::with(&all).await
    }

    /// A handshake that offers one protocol.
    pub(crate) async fn connect(&self, address: SocketAddr, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_by(address, protocol, &[&TLS12, &TLS13]).await
    }

    pub(crate) async fn connect_by(
        &self,
        address: SocketAddr,
        protocol: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let mut settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        settings.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(settings)).connect(name, stream).await
    }

    /// A client of HTTP/2 on one connection.
    pub(crate) async fn http2(&self, address: SocketAddr) -> Http2 {
        let stream = self.connect(address, "h2").await.unwrap();
        let (send, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let mut running = JoinSet::new();
        running.spawn(async move { connection.await.is_ok() });
        Http2 { send, running }
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

/// See [`Certificates::http2`].
pub(crate) struct Http2 {
    pub(crate) send: SendRequest<Full<bytes::Bytes>>,
    running: JoinSet<bool>,
}

impl Http2 {
    pub(crate) async fn get(&self, target: &str, headers: &[(&str, &str)]) -> hyper::Result<Response<Incoming>> {
        self.ask("GET", target, headers, "").await
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> hyper::Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        self.send.clone().send_request(request).await
    }

    /// Whether the connection ended in good order.
    pub(crate) async fn ended(&mut self) -> bool {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.running.join_next());
        ended.await.expect("the connection ends").unwrap().unwrap()
    }
}
