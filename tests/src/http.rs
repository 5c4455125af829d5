//! Plain HTTP to loopback.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, ensure};

/// A client that any number of tests share.
pub fn client() -> reqwest::Client {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        // An error means that one is installed, which is all we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap_or_else(|error| panic!("no HTTP client: {error}"))
}

/// The body of a GET, which must succeed.
pub async fn get(url: &str) -> Result<String> {
    let response = client().get(url).send().await?;
    let status = response.status();
    let body = response.text().await?;
    ensure!(status.is_success(), "GET {url}: {status}: {body}");
    Ok(body)
}
