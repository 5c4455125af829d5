//! `tls_config`, credentials and secrets, with Prometheus' keys.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use exporter::auth::{Credentials, SecretSource};
use exporter::tls::{ClientTlsOptions, ServerTlsOptions};

use hyper::Uri;

use super::scalar::{Wrong, boolean, non_empty, string};
use super::table::Table;
use super::yaml::Node;
use crate::fetch::{ClientOptions, Redirects};

/// What an endpoint looks like.
pub(super) const ENDPOINTS: &str = "http://host:port, https://host:port";
const INLINE_PEM: &str = "keep it in a file and name that";
const TLS_VERSIONS: &str = "TLS 1.2 and 1.3 are spoken";

/// The keys of a job that say how its targets are spoken to.
pub(super) fn client(table: &mut Table<'_>) -> ClientOptions {
    let follow = table.get("follow_redirects", boolean).unwrap_or(true);
    ClientOptions {
        tls: table.section("tls_config", client_tls),
        credentials: credentials(table),
        follow_redirects: if follow {
            Redirects::Follow
        } else {
            Redirects::Refuse
        },
    }
}

/// The URL of a server, maybe with a path; credentials belong into `instead`.
pub(super) fn endpoint(node: &Node, instead: &'static str) -> Result<Uri, Wrong> {
    let text = non_empty(node)?;
    refuse_credentials(&text, instead)?;
    let uri = text.parse::<Uri>().ok();
    uri.filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
            && !text.contains('#')
    })
    .ok_or_else(|| Wrong::value(node, ENDPOINTS))
}

/// Refuses a URL with credentials, without repeating it.
pub(super) fn refuse_credentials(url: &str, instead: &'static str) -> Result<(), Wrong> {
    if url.contains('@') {
        return Err(Wrong::new("credentials in a URL", instead));
    }
    Ok(())
}

/// A client's `tls_config`.
pub(super) fn client_tls(table: &mut Table<'_>) -> ClientTlsOptions {
    let options = ClientTlsOptions {
        ca_file: file(table, "ca_file"),
        cert_file: file(table, "cert_file"),
        key_file: secret_file(table, "key_file"),
        server_name: table.get("server_name", non_empty),
        insecure_skip_verify: table.get("insecure_skip_verify", boolean).unwrap_or(false),
    };
    table.refuse(&[
        ("ca", INLINE_PEM),
        ("cert", INLINE_PEM),
        ("key", INLINE_PEM),
    ]);
    table.ignore(&[("min_version", TLS_VERSIONS), ("max_version", TLS_VERSIONS)]);
    match (table.has("cert_file"), table.has("key_file")) {
        (true, false) => table.fail("key_file", "missing beside cert_file", "the key's file"),
        (false, true) => table.fail("cert_file", "missing beside key_file", "the chain's file"),
        _ => {}
    }
    if options.insecure_skip_verify {
        table.warn("insecure_skip_verify", "anyone may pose as the target");
    }
    options
}

/// Our own `tls_config`; both files have to be there.
pub(super) fn server_tls(table: &mut Table<'_>) -> Option<ServerTlsOptions> {
    for (key, allowed) in [
        ("cert_file", "the chain's file"),
        ("key_file", "the key's file"),
    ] {
        if !table.has(key) {
            table.fail(key, format!("missing in {}", table.place()), allowed);
        }
    }
    let cert_file = file(table, "cert_file");
    let key_file = secret_file(table, "key_file");
    let client_ca_file = file(table, "client_ca_file");
    Some(ServerTlsOptions {
        cert_file: cert_file?,
        key_file: key_file?,
        client_ca_file,
    })
}

/// The one way of several in which a request carries credentials.
pub(super) fn credentials(table: &mut Table<'_>) -> Option<Credentials> {
    const WAYS: [&str; 4] = [
        "basic_auth",
        "authorization",
        "bearer_token",
        "bearer_token_file",
    ];
    let basic = table.table("basic_auth", basic_auth).flatten();
    let token = table.table("authorization", authorization).flatten();
    let bearer =
        secret(table, "bearer_token", "bearer_token_file").map(|token| Credentials::Token {
            scheme: "Bearer".to_owned(),
            token,
        });
    let used: Vec<_> = WAYS.into_iter().filter(|key| table.has(key)).collect();
    if let [_, second, ..] = used.as_slice() {
        let problem = format!("a second way beside {:?}", used.first().unwrap_or(second));
        table.fail(
            second,
            problem,
            "one of basic_auth, authorization, bearer_token_file",
        );
    }
    basic.or(token).or(bearer)
}

/// `basic_auth`.
pub(super) fn basic_auth(table: &mut Table<'_>) -> Option<Credentials> {
    let username = table.required("username", "the user's name", string);
    let password = secret(table, "password", "password_file");
    if password.is_none() && !table.has("password") && !table.has("password_file") {
        table.fail(
            "password_file",
            format!("missing in {}", table.place()),
            "a file's name",
        );
    }
    Some(Credentials::Basic {
        username: username?,
        password: password?,
    })
}

/// `authorization`.
pub(super) fn authorization(table: &mut Table<'_>) -> Option<Credentials> {
    let scheme = table
        .get("type", non_empty)
        .unwrap_or_else(|| "Bearer".to_owned());
    if scheme.eq_ignore_ascii_case("basic") {
        table.fail(
            "type",
            "wrong value \"Basic\"",
            "Bearer or another type; for Basic: basic_auth",
        );
    }
    let token = secret(table, "credentials", "credentials_file");
    if token.is_none() && !table.has("credentials") && !table.has("credentials_file") {
        table.fail(
            "credentials_file",
            format!("missing in {}", table.place()),
            "a file's name",
        );
    }
    Some(Credentials::Token {
        scheme,
        token: token?,
    })
}

/// A secret that is written in the file, comes from the environment, or is in a file of its own.
pub(super) fn secret(
    table: &mut Table<'_>,
    inline_key: &'static str,
    file_key: &'static str,
) -> Option<SecretSource> {
    let file = secret_file(table, file_key).map(SecretSource::File);
    let inline = table.get(inline_key, non_empty);
    if inline.is_some() && file.is_some() {
        table.fail(
            inline_key,
            format!("a second value beside {file_key:?}"),
            "one of the two",
        );
    }
    file.or_else(|| inline_secret(table, inline_key, inline?))
}

/// `${NAME}` is the environment variable; anything else is the secret itself.
pub(super) fn inline_secret(table: &Table<'_>, key: &str, value: String) -> Option<SecretSource> {
    let name = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    let Some(name) = name else {
        table.warn_if_file_is_loose(key);
        return Some(SecretSource::Inline(value));
    };
    match std::env::var(name) {
        Ok(secret) => Some(SecretSource::Inline(secret)),
        Err(_) => {
            table.fail(key, format!("environment variable {name:?} is not set"), "");
            None
        }
    }
}

fn file(table: &mut Table<'_>, key: &'static str) -> Option<PathBuf> {
    let path = table.get(key, non_empty).map(|path| table.resolve(&path))?;
    // It may be mounted later; it is looked for whenever it is needed.
    if !path.exists() {
        table.warn(key, &format!("there is no file {}", path.display()));
    }
    Some(path)
}

/// A file that holds a secret.
pub(super) fn secret_file(table: &mut Table<'_>, key: &'static str) -> Option<PathBuf> {
    let path = file(table, key)?;
    if let Some(warning) = loose_permissions(&path) {
        table.warn(key, &warning);
    }
    Some(path)
}

/// A warning if everyone on this machine may read `path`.
pub(super) fn loose_permissions(path: &Path) -> Option<String> {
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    let path = path.display();
    (mode & 0o007 != 0).then(|| format!("{path} holds a secret and has mode {mode:04o}: chmod 600"))
}
