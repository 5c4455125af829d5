//! From a key of the table to the options of a client, if its files are there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use exporter::auth::{Credentials, SecretSource};
use exporter::tls::ClientTlsOptions;

use super::endpoints::{Key, Name, Trust};
use super::listening::forbidden;
use crate::config::Scheme;
use crate::discovery::glob::expand;
use crate::fetch::{ClientOptions, Redirects};

/// A key that is there, or why it is not.
pub(super) fn cut(key: Key, root: &Path) -> Result<(Scheme, ClientOptions), String> {
    let options = match key {
        Key::Plain => return Ok((Scheme::Http, client(ClientTlsOptions::default(), None))),
        Key::Certificate { trust, cert } => {
            let cert_file = readable(root, cert)?;
            let tls = ClientTlsOptions {
                ca_file: match trust {
                    Trust::Ca(ca) => Some(readable(root, ca)?),
                    Trust::Anyone => None,
                },
                key_file: Some(readable(root, &cert.replace(".crt", ".key"))?),
                cert_file: Some(cert_file),
                server_name: None,
                insecure_skip_verify: trust == Trust::Anyone,
            };
            client(tls, None)
        }
        Key::Token {
            ca,
            server_name,
            token,
        } => {
            let tls = ClientTlsOptions {
                ca_file: Some(readable(root, ca)?),
                server_name: Some(match server_name {
                    Name::Fixed(name) => name.to_owned(),
                    Name::Node => host_name()?,
                }),
                ..ClientTlsOptions::default()
            };
            let token = SecretSource::File(readable(root, token)?);
            client(
                tls,
                Some(Credentials::Token {
                    scheme: "Bearer".to_owned(),
                    token,
                }),
            )
        }
    };
    Ok((Scheme::Https, options))
}

fn client(tls: ClientTlsOptions, credentials: Option<Credentials>) -> ClientOptions {
    ClientOptions {
        tls,
        credentials,
        follow_redirects: Redirects::Refuse,
    }
}

/// The file of that name under `root`, if we may read it.
fn readable(root: &Path, name: &str) -> Result<PathBuf, String> {
    let pattern = root.join(name);
    let found = expand(&pattern).into_iter().next();
    let path = found.ok_or_else(|| format!("no file {}", pattern.display()))?;
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(forbidden(&format!("read {}", path.display())))
        }
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// As the kernel knows it; nodes are named after it unless they are told otherwise.
fn host_name() -> Result<String, String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map(|name| name.trim().to_owned())
        .map_err(|error| format!("no host name: {error}"))
}
