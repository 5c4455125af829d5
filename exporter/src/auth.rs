//! Secrets and HTTP authentication, for clients and for our own endpoints.

use std::path::PathBuf;

/// Where a secret comes from. It is read when used, so that a changed file takes effect, and it
/// never shows in `Debug` or in a message.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Written in the configuration.
    Inline(String),
    /// A file; trailing white space is not part of the secret.
    File(PathBuf),
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
