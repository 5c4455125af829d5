//! Handshakes between the two sides, in memory, with certificates made here.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection};
use tempfile::TempDir;

use super::*;

/// A CA whose certificate lies as `ca.crt` in a folder.
struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(
            dir.path().join("ca.crt"),
            params.self_signed(&key).unwrap().pem(),
        )
        .unwrap();
        Self {
            dir,
            issuer: Issuer::new(params, key),
        }
    }

    /// Writes `NAME.crt` and `NAME.key` for a host of that name.
    fn issue(&self, name: &str) {
        let (certificate, key) = self.make(name);
        self.write(&format!("{name}.crt"), &certificate);
        self.write(&format!("{name}.key"), &key);
    }

    fn make(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (
            params.signed_by(&key, &self.issuer).unwrap().pem(),
            key.serialize_pem(),
        )
    }

    fn write(&self, name: &str, text: &str) {
        // As cert-manager and the kubelet do it: a new file in the place of the old one.
        let staged = self.path("staged");
        std::fs::write(&staged, text).unwrap();
        std::fs::rename(staged, self.path(name)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn server(&self, client_ca_file: Option<PathBuf>) -> ServerTls {
        self.issue("server.test");
        ServerTls::new(&ServerTlsOptions {
            cert_file: self.path("server.test.crt"),
            key_file: self.path("server.test.key"),
            client_ca_file,
        })
        .unwrap()
    }

    fn client_options(&self) -> ClientTlsOptions {
        ClientTlsOptions {
            ca_file: Some(self.path("ca.crt")),
            ..ClientTlsOptions::default()
        }
    }

    fn client_options_with(&self, name: &str) -> ClientTlsOptions {
        ClientTlsOptions {
            cert_file: Some(self.path(&format!("{name}.crt"))),
            key_file: Some(self.path(&format!("{name}.key"))),
            ..self.client_options()
        }
    }
}

/// Carries the bytes of a handshake to and fro until both sides are done or one refuses.
fn handshake(
    client: &ClientTls,
    server: &ServerTls,
    host: &str,
) -> Result<ClientConnection, rustls::Error> {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(client.current(), name).unwrap();
    let mut server = ServerConnection::new(server.current()).unwrap();
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(client)
}

/// The certificate the server shows.
fn leaf(server: &ServerTls, ca: &Authority) -> Vec<u8> {
    let client = ClientTls::new(&ca.client_options()).unwrap();
    let client = handshake(&client, server, "server.test").unwrap();
    client.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_server_of_the_trusted_ca_is_accepted_under_its_name_alone() {
    let ca = Authority::new();
    let server = ca.server(None);
    let client = ClientTls::new(&ca.client_options()).unwrap();
    handshake(&client, &server, "server.test").unwrap();
    handshake(&client, &server, "other.test").unwrap_err();
}

#[test]
fn a_server_of_another_ca_is_refused_unless_verification_is_off() {
    let server = Authority::new().server(None);
    let ca = Authority::new();
    let strict = ClientTls::new(&ca.client_options()).unwrap();
    handshake(&strict, &server, "server.test").unwrap_err();
    let lax = ClientTlsOptions {
        insecure_skip_verify: true,
        ..ClientTlsOptions::default()
    };
    handshake(&ClientTls::new(&lax).unwrap(), &server, "whatever.test").unwrap();
}

#[test]
fn the_configured_server_name_is_verified_instead_of_the_host() {
    let ca = Authority::new();
    let server = ca.server(None);
    let named = |name: &str| {
        let server_name = Some(name.to_owned());
        ClientTls::new(&ClientTlsOptions {
            server_name,
            ..ca.client_options()
        })
        .unwrap()
    };
    handshake(&named("server.test"), &server, "10.0.0.1").unwrap();
    handshake(&named("other.test"), &server, "server.test").unwrap_err();
    let stranger = Authority::new().server(None);
    handshake(&named("server.test"), &stranger, "server.test").unwrap_err();
}

#[test]
fn a_server_that_asks_for_client_certificates_refuses_those_without() {
    let ca = Authority::new();
    let server = ca.server(Some(ca.path("ca.crt")));
    ca.issue("client");
    let with = ClientTls::new(&ca.client_options_with("client")).unwrap();
    handshake(&with, &server, "server.test").unwrap();
    let without = ClientTls::new(&ca.client_options()).unwrap();
    handshake(&without, &server, "server.test").unwrap_err();
}

#[test]
fn a_configuration_is_the_same_until_a_file_changes() {
    let ca = Authority::new();
    ca.issue("client");
    let client = ClientTls::new(&ca.client_options_with("client")).unwrap();
    let before = client.current();
    assert!(Arc::ptr_eq(&before, &client.current()));
    ca.issue("client");
    assert!(!Arc::ptr_eq(&before, &client.current()));
}

#[test]
fn a_rotated_server_certificate_is_served_to_new_connections() {
    let ca = Authority::new();
    let server = ca.server(None);
    let before = leaf(&server, &ca);
    ca.issue("server.test");
    assert_ne!(leaf(&server, &ca), before);
}

#[test]
fn a_half_written_rotation_keeps_the_old_pair_until_the_new_one_is_whole() {
    let ca = Authority::new();
    let server = ca.server(None);
    let before = leaf(&server, &ca);
    let (certificate, key) = ca.make("server.test");
    ca.write("server.test.crt", &certificate);
    assert_eq!(leaf(&server, &ca), before, "certificate without its key");
    ca.write("server.test.key", &key);
    assert_ne!(leaf(&server, &ca), before, "the whole pair");
}

#[track_caller]
fn check_refused(options: &ClientTlsOptions, expected: &str) {
    assert_eq!(ClientTls::new(options).unwrap_err().to_string(), expected);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name() {
    let ca = Authority::new();
    ca.issue("one");
    ca.issue("two");
    let base = ca.client_options_with("one");
    let shown = |path: &Path| path.display().to_string();
    let missing = ca.path("absent.crt");
    let options = ClientTlsOptions {
        ca_file: Some(missing.clone()),
        ..base.clone()
    };
    check_refused(&options, &format!("failed to read {}", shown(&missing)));
    let key = ca.path("one.key");
    let options = ClientTlsOptions {
        ca_file: Some(key.clone()),
        ..base.clone()
    };
    check_refused(&options, &format!("{} holds no certificate", shown(&key)));
    let crt = ca.path("one.crt");
    let options = ClientTlsOptions {
        key_file: Some(crt.clone()),
        ..base.clone()
    };
    check_refused(&options, &format!("{} holds no private key", shown(&crt)));
    let other = ca.path("two.key");
    let options = ClientTlsOptions {
        key_file: Some(other.clone()),
        ..base.clone()
    };
    let pair = format!("certificate {} and key {}", shown(&crt), shown(&other));
    check_refused(&options, &format!("{pair} cannot be used together"));
    let options = ClientTlsOptions {
        key_file: None,
        ..base.clone()
    };
    check_refused(
        &options,
        "cert_file and key_file go together: key_file is missing",
    );
    let options = ClientTlsOptions {
        server_name: Some("no name".into()),
        ..base
    };
    check_refused(&options, "\"no name\" is not a valid server name");
}
