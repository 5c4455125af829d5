//! A certificate authority for one test, with a server's and a client's certificate.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// Files of a small PKI.
pub struct Certs {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The server's certificate, for `localhost` and `127.0.0.1`.
    pub server_cert: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// The client's certificate.
    pub client_cert: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
}

impl Certs {
    /// Makes all of it in `folder`.
    pub fn make(folder: &Path) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certs = Self {
            ca: folder.join("ca.crt"),
            server_cert: folder.join("server.crt"),
            server_key: folder.join("server.key"),
            client_cert: folder.join("client.crt"),
            client_key: folder.join("client.key"),
        };
        std::fs::write(&certs.ca, issuer.pem())?;
        for (cert_file, key_file, name) in [
            (&certs.server_cert, &certs.server_key, "server"),
            (&certs.client_cert, &certs.client_key, "client"),
        ] {
            let key = KeyPair::generate()?;
            let mut params =
                CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, name);
            // etcd dials its own listener with its server certificate (the gRPC gateway).
            params.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            std::fs::write(cert_file, params.signed_by(&key, &issuer)?.pem())?;
            std::fs::write(key_file, key.serialize_pem())?;
        }
        Ok(certs)
    }
}
