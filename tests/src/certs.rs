//! A certificate authority for one test, and the certificates it signs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
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

/// An authority that signs what it is asked to.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a certificate says.
pub struct Subject<'a> {
    /// Its common name.
    pub name: &'a str,
    /// The names and addresses it is for.
    pub hosts: &'a [&'a str],
    /// The years from whose first day, and to whose first day, it is valid.
    pub valid: (i32, i32),
}

/// For this machine, and valid.
pub const LOCAL: Subject<'_> = Subject {
    name: "server",
    hosts: &["localhost", "127.0.0.1"],
    valid: (2020, 2100),
};

impl Certs {
    /// Makes all of it in `folder`.
    pub fn make(folder: &Path) -> Result<Self> {
        let authority = Authority::new()?;
        let certs = Self {
            ca: folder.join("ca.crt"),
            server_cert: folder.join("server.crt"),
            server_key: folder.join("server.key"),
            client_cert: folder.join("client.crt"),
            client_key: folder.join("client.key"),
        };
        authority.write(&certs.ca)?;
        authority.issue(&LOCAL, &certs.server_cert, &certs.server_key)?;
        let client = Subject {
            name: "client",
            ..LOCAL
        };
        authority.issue(&client, &certs.client_cert, &certs.client_key)?;
        Ok(certs)
    }
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let mut params = CertificateParams::new(Vec::new())?;
        // Two authorities of one name would be taken for one whose key does not fit.
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Writes its own certificate.
    pub fn write(&self, file: &Path) -> Result<()> {
        Ok(std::fs::write(file, self.issuer.pem())?)
    }

    /// Writes a certificate and its key.
    pub fn issue(&self, subject: &Subject<'_>, cert_file: &Path, key_file: &Path) -> Result<()> {
        let key = KeyPair::generate()?;
        let hosts: Vec<String> = subject.hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts)?;
        params
            .distinguished_name
            .push(DnType::CommonName, subject.name);
        let (from, to) = subject.valid;
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        // etcd dials its own listener with its server certificate (the gRPC gateway).
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        std::fs::write(cert_file, params.signed_by(&key, &self.issuer)?.pem())?;
        Ok(std::fs::write(key_file, key.serialize_pem())?)
    }
}
