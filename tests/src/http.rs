//! Plain HTTP to loopback.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, ensure};

/// A client for clear text.
pub fn client() -> reqwest::Client {
    builder()
        .build()
        .unwrap_or_else(|error| panic!("no HTTP client: {error}"))
}

/// A client to be told more, such as certificates.
pub fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        // An error means that one is installed, which is all we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().timeout(Duration::from_secs(20))
}

/// The body of a GET, which must succeed.
pub async fn get(url: &str) -> Result<String> {
    get_with(&client(), url).await
}

/// The same with a client of one's own.
pub async fn get_with(client: &reqwest::Client, url: &str) -> Result<String> {
    let response = client.get(url).send().await?;
    let status = response.status();
    let body = response.text().await?;
    ensure!(status.is_success(), "GET {url}: {status}: {body}");
    Ok(body)
}
