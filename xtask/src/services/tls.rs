//! A certificate for the gateway on this machine.
//!
//! An authority of this folder's own signs it and nothing else: its key is thrown away at once. So whoever trusts
//! `.dev/tls/ca.pem` trusts no more than the gateway of this folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::workspace::Workspace;

/// The setting that makes the gateway speak HTTPS.
pub(super) const CERTIFICATE: &str = "TLS_CERT_FILE";
/// Where that certificate is valid.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What clients are to trust.
pub(crate) fn authority(workspace: &Workspace) -> PathBuf {
    workspace.dev().join("tls/ca.pem")
}

/// The settings of HTTPS; the certificate is made if there is none.
pub(crate) fn settings(workspace: &Workspace) -> Result<BTreeMap<String, String>> {
    let folder = workspace.dev().join("tls");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if !(authority(workspace).exists() && certificate.exists() && key.exists()) {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let made = make().context("cannot make a certificate")?;
        fs::write(authority(workspace), made.authority)?;
        fs::write(&key, made.key)?;
        fs::write(&certificate, made.certificate)?;
    }
    Ok(BTreeMap::from([
        (CERTIFICATE.to_owned(), certificate.display().to_string()),
        ("TLS_KEY_FILE".to_owned(), key.display().to_string()),
    ]))
}

/// All PEM.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn make() -> Result<Made, rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority
        .distinguished_name
        .push(DnType::CommonName, "ticket-queue, development");
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?.pem();

    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &Issuer::new(authority, authority_key))?;
    Ok(Made {
        authority: authority_certificate,
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    #[test]
    fn what_is_made_can_be_served_and_trusted() {
        let made = make().unwrap();
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let served = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate(&made.certificate)], key);
        assert!(served.is_ok(), "{served:?}");
        let mut trusted = rustls::RootCertStore::empty();
        trusted.add(certificate(&made.authority)).unwrap();
    }
}
