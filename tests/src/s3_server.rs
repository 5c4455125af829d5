//! A server that speaks S3's protocol: moto's, which keeps objects in memory.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use reqwest::header::AUTHORIZATION;

use crate::http;
use crate::leadsman;
use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

const BUCKET: &str = "soundings";

/// What moto takes for a signed request; it keeps objects from others.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=any/20261125/us-east-1/s3/aws4_request";

/// A running server with one empty bucket.
pub struct S3Server {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl S3Server {
    /// Starts it on a free port.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::launch(folder, |_| {}).await
    }

    /// One that knows no key, and so lets nobody in.
    pub async fn that_checks_keys(folder: &Path) -> Result<Self> {
        Self::launch(folder, |command| {
            // But for the request that makes the bucket.
            command.env("INITIAL_NO_AUTH_ACTION_COUNT", "1");
        })
        .await
    }

    async fn launch(folder: &Path, prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(tools::folder().join("venv/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        prepare(&mut command);
        let mut server = Self {
            process: Process::spawn("moto", folder, command)?,
            address: ([127, 0, 0, 1], port).into(),
        };
        until("moto to make a bucket", PATIENCE, || {
            let alive = server.process.check_alive();
            let request = http::client().put(server.url("")).send();
            async move {
                alive?;
                Ok::<_, anyhow::Error>(request.await?.error_for_status()?)
            }
        })
        .await?;
        Ok(server)
    }

    /// The keys of `archive.object_store` for its bucket at `address`, which may be a proxy's.
    pub fn section(address: SocketAddr, prefix: &str) -> String {
        format!(
            "object_store: {{url: \"s3://{BUCKET}/{prefix}\", endpoint: \"http://{address}\", \
             allow_http: true, access_key_id: planted-id, secret_access_key: planted-secret, \
             interval: 1s}}"
        )
    }

    /// The URL of its bucket.
    pub fn bucket(prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// A command line of leadsman whose environment leads to its bucket.
    pub fn command<const N: usize>(&self, args: [&str; N]) -> Result<Command> {
        let mut command = leadsman::command(args)?;
        command
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "planted-id")
            .env("AWS_SECRET_ACCESS_KEY", "planted-secret");
        Ok(command)
    }

    /// The same with a cache of its own.
    pub fn reader<const N: usize>(&self, args: [&str; N], cache: &Path) -> Result<Command> {
        let mut command = self.command(args)?;
        command.arg("--cache").arg(cache);
        Ok(command)
    }

    /// Keys and sizes of all objects.
    pub async fn objects(&self) -> Result<Vec<(String, u64)>> {
        let page = http::get(&self.url("?list-type=2")).await?;
        ensure!(page.contains("<IsTruncated>false<"), "too many objects");
        let field = |object: &str, name: &str| {
            let rest = object.split_once(&format!("<{name}>"))?.1;
            Some(rest.split_once('<')?.0.to_owned())
        };
        page.split("<Contents>")
            .skip(1)
            .map(|object| {
                let key = field(object, "Key").context("no key")?;
                Ok((key, field(object, "Size").context("no size")?.parse()?))
            })
            .collect()
    }

    /// Writes every object below a prefix to a folder.
    pub async fn download(&self, prefix: &str, into: &Path) -> Result<()> {
        for (key, _) in self.objects().await? {
            let Some(name) = key.strip_prefix(&format!("{prefix}/")) else {
                continue;
            };
            let path = into.join(name);
            std::fs::create_dir_all(path.parent().context("no folder")?)?;
            let request = http::client().get(self.url(&format!("/{key}")));
            let answer = request.header(AUTHORIZATION, SIGNED).send().await?;
            std::fs::write(path, answer.error_for_status()?.bytes().await?)?;
        }
        Ok(())
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}/{BUCKET}{rest}", self.address)
    }
}
