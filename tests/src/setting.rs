//! How much of something: little in `make test`, more where the environment asks for it.

use std::error::Error;
use std::str::FromStr;

use anyhow::{Context, Result};

/// The value of an environment variable, or `default` without it.
pub fn setting<T: FromStr<Err: Error + Send + Sync + 'static>>(
    name: &str,
    default: T,
) -> Result<T> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}
