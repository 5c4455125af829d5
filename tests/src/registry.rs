//! A real registry of images (Debian's docker-registry) on loopback, with an image in it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::http;
use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

/// A running registry.
pub struct Registry {
    /// The process.
    pub process: Process,
    /// Where it listens, without TLS.
    pub address: SocketAddr,
}

impl Registry {
    /// Starts it on a free port.
    pub async fn start(folder: &Path) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let config = folder.join("registry.yml");
        let images = folder.join("registry");
        std::fs::write(
            &config,
            format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {images:?}}}}}\n\
                 http: {{addr: \"{address}\"}}\n"
            ),
        )?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config);
        let mut registry = Self {
            process: Process::spawn("docker-registry", folder, command)?,
            address,
        };
        until("the registry to answer", PATIENCE, || {
            let alive = registry.process.check_alive();
            async move {
                alive?;
                http::get(&format!("http://{address}/v2/")).await
            }
        })
        .await?;
        Ok(registry)
    }

    /// Pushes an image that has busybox and nothing else; returns its reference.
    pub fn push_busybox(&self) -> Result<String> {
        let address = self.address.to_string();
        let reference =
            tools::python("push_image.py", [&address, "tests/busybox", "/bin/busybox"])?;
        Ok(reference.trim().to_owned())
    }
}
