use anyhow::Context;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::{TLS12, TLS13},
};
use std::sync::Arc;

/// The protocol that a client of HTTP/2 names in the handshake.
pub(super) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// TLS 1.2 and 1.3 with this certificate, which must belong to this key; both PEM.
///
/// # Errors
/// When they cannot be read or do not belong together.
pub(crate) fn tls_settings(certificate: &[u8], key: &[u8]) -> anyhow::Result<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .context("the certificate is no PEM")?;
    anyhow::ensure!(!chain.is_empty(), "there is no certificate in the file");
    let key = PrivateKeyDer::from_pem_slice(key).context("there is no private key in the file")?;
    let mut settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("certificate and key cannot be used together")?;
    settings.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    // Resumption without memory here; the keys last as long as the certificate.
    settings.ticketer = ring::Ticketer::new()?;
    Ok(settings)
}
