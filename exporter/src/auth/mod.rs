//! Secrets and HTTP authentication, for clients and for our own endpoints.

mod guard;
mod redact;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use guard::Guard;
pub(crate) use redact::redact;

/// A token is a few kilobytes at most; service account tokens are about one.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Where a secret comes from. It is read when used, so that a changed file takes effect, and it
/// never shows in `Debug` or in a message.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Written in the configuration.
    Inline(String),
    /// A file; trailing white space is not part of the secret.
    File(PathBuf),
}

impl SecretSource {
    /// The secret as it is now.
    ///
    /// # Errors
    /// The file cannot be read, is too large or is not UTF-8.
    pub fn read(&self) -> Result<String, AuthError> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::File(path) => read_file(path),
        }
    }
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("<secret>"),
            Self::File(path) => write!(f, "<secret in {}>", path.display()),
        }
    }
}

/// The credentials of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// `Authorization: Basic`.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: SecretSource,
    },
    /// `Authorization: TYPE CREDENTIALS`, usually `Bearer`.
    Token {
        /// The scheme, such as `Bearer`.
        scheme: String,
        /// The token.
        token: SecretSource,
    },
}

impl Credentials {
    /// The value of the `Authorization` header, marked as sensitive.
    ///
    /// # Errors
    /// The secret cannot be read, or holds characters that no header may have.
    pub fn header_value(&self) -> Result<HeaderValue, AuthError> {
        let (scheme, secret) = self.parts()?;
        secret_header(&format!("{scheme} {secret}"))
    }

    /// `text`, which a server had a part in, without the secret in any form that was sent.
    pub fn redact(&self, text: &str) -> String {
        let plain = match self {
            Self::Basic { password, .. } => password,
            Self::Token { token, .. } => token,
        };
        let sent = self.parts().map(|(_, sent)| sent);
        let secrets = [plain.read(), sent].into_iter().flatten();
        secrets.fold(text.to_owned(), |text, secret| redact(&text, &secret))
    }

    /// The scheme, and what comes after it.
    fn parts(&self) -> Result<(&str, String), AuthError> {
        Ok(match self {
            Self::Basic { username, password } => (
                "Basic",
                STANDARD.encode(format!("{username}:{}", password.read()?)),
            ),
            Self::Token { scheme, token } => (scheme, token.read()?),
        })
    }
}

/// A header value that is redacted in `Debug` output and never indexed by HTTP/2's compression.
///
/// # Errors
/// `secret` holds characters that no header may have.
pub fn secret_header(secret: &str) -> Result<HeaderValue, AuthError> {
    let mut value = HeaderValue::from_str(secret).map_err(|_| AuthError::NotAHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why credentials cannot be used. Messages name the file, never the secret.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file cannot be read.
    #[error("failed to read the secret in {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("{path} is larger than {limit} bytes: it is not a secret")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is accepted, bytes.
        limit: u64,
    },
    /// The file is not text.
    #[error("the secret in {path} is not UTF-8")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The secret has control characters.
    #[error("the secret holds characters that are not allowed in an HTTP header")]
    NotAHeader,
}

fn read_file(path: &Path) -> Result<String, AuthError> {
    let failed = |source| AuthError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_SECRET_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(AuthError::TooLarge {
            path: path.to_owned(),
            limit: MAX_SECRET_BYTES,
        });
    }
    let mut secret = String::from_utf8(bytes).map_err(|_| AuthError::NotText {
        path: path.to_owned(),
    })?;
    secret.truncate(secret.trim_end().len());
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(password: SecretSource) -> Credentials {
        Credentials::Basic {
            username: "anna".into(),
            password,
        }
    }

    #[test]
    fn basic_credentials_are_encoded_as_rfc_7617_says() {
        let header = basic(SecretSource::Inline("pass word".into()))
            .header_value()
            .unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic YW5uYTpwYXNzIHdvcmQ=");
        assert!(header.is_sensitive());
    }

    #[test]
    fn a_secret_file_is_read_anew_and_loses_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = Credentials::Token {
            scheme: "Bearer".into(),
            token: SecretSource::File(path.clone()),
        };
        for secret in ["first", "second"] {
            std::fs::write(&path, format!("{secret}\r\n")).unwrap();
            assert_eq!(
                token.header_value().unwrap(),
                format!("Bearer {secret}").as_str()
            );
        }
    }

    #[test]
    fn no_message_or_debug_output_shows_a_secret() {
        let credentials = basic(SecretSource::Inline("hunter2\n".into()));
        assert!(!format!("{credentials:?}").contains("hunter2"));
        let token = SecretSource::Inline("hunter2\n".into());
        let error = Credentials::Token {
            scheme: "Bearer".into(),
            token,
        }
        .header_value();
        let error = error.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        let header = basic(SecretSource::Inline("hunter2".into()))
            .header_value()
            .unwrap();
        assert_eq!(format!("{header:?}"), "Sensitive");
    }

    #[test]
    fn a_missing_secret_file_is_named() {
        let error = SecretSource::File("/nonexistent/token".into())
            .read()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to read the secret in /nonexistent/token"
        );
    }

    #[test]
    fn an_oversized_secret_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, vec![b'x'; MAX_SECRET_BYTES as usize + 1]).unwrap();
        assert!(matches!(
            SecretSource::File(path).read(),
            Err(AuthError::TooLarge { .. })
        ));
    }
}
