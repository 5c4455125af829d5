//! A real etcd of one member, plain or with mutual TLS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::certs::Certs;
use crate::http;
use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

/// A running etcd with pprof and extensive metrics.
pub struct Etcd {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:port` of the client URL.
    pub address: String,
    /// Of clients and of peers.
    ports: [u16; 2],
    certs: Option<Arc<Certs>>,
    program: PathBuf,
}

impl Etcd {
    /// Starts it and waits until it answers.
    pub async fn start(folder: &Path, certs: Option<Arc<Certs>>) -> Result<Self> {
        Self::start_with(folder, certs, &[]).await
    }

    /// The same with arguments of one's own.
    pub async fn start_with(
        folder: &Path,
        certs: Option<Arc<Certs>>,
        args: &[&str],
    ) -> Result<Self> {
        Self::launch(folder, "etcd".into(), certs, args).await
    }

    /// A 3.5, without TLS, which sends all of its traces to an OTLP/gRPC endpoint (`host:port`).
    pub async fn sending_traces(folder: &Path, endpoint: &str) -> Result<Self> {
        let program = tools::folder().join("etcd-server/usr/bin/etcd");
        let args = [
            "--experimental-enable-distributed-tracing",
            "--experimental-distributed-tracing-address",
            endpoint,
            "--experimental-distributed-tracing-sampling-rate=1000000",
        ];
        Self::launch(folder, program, None, &args).await
    }

    async fn launch(
        folder: &Path,
        program: PathBuf,
        certs: Option<Arc<Certs>>,
        args: &[&str],
    ) -> Result<Self> {
        let ports = [free_port()?, free_port()?];
        let mut command = server(&program, folder, ports, certs.as_deref());
        command.args(args);
        let mut etcd = Self {
            process: Process::spawn("etcd", folder, command)?,
            address: format!("127.0.0.1:{}", ports[0]),
            ports,
            certs,
            program,
        };
        etcd.wait_until_healthy().await?;
        Ok(etcd)
    }

    /// Starts it anew after it was stopped, with its data and on its ports, and waits until it
    /// answers.
    pub async fn restart(&mut self, folder: &Path) -> Result<()> {
        let command = server(&self.program, folder, self.ports, self.certs.as_deref());
        self.process = Process::spawn("etcd-again", folder, command)?;
        self.wait_until_healthy().await
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        until("etcd to answer", PATIENCE, || {
            let healthy = self
                .process
                .check_alive()
                .and_then(|()| tools::run(&mut self.ctl(["endpoint", "health"])));
            async { healthy }
        })
        .await?;
        Ok(())
    }

    /// An `etcdctl` command against it.
    pub fn ctl<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = Command::new("etcdctl");
        command
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.address]);
        if let Some(certs) = &self.certs {
            command.arg("--cacert").arg(&certs.ca);
            command
                .arg("--cert")
                .arg(&certs.client_cert)
                .arg("--key")
                .arg(&certs.client_key);
        }
        command.args(args);
        command
    }

    /// A client with its certificates that pools no connection: each request costs a TLS handshake.
    pub fn client(&self) -> Result<reqwest::Client> {
        let certs = self.certs.as_ref().context("it has no certificates")?;
        let identity = [
            std::fs::read(&certs.client_cert)?,
            std::fs::read(&certs.client_key)?,
        ];
        let ca = reqwest::Certificate::from_pem(&std::fs::read(&certs.ca)?)?;
        let builder = http::builder()
            .pool_max_idle_per_host(0)
            .tls_certs_only([ca]);
        Ok(builder
            .identity(reqwest::Identity::from_pem(&identity.concat())?)
            .build()?)
    }

    /// A profile as it is now, in pprof's format.
    pub async fn profile(&self, path: &str) -> Result<Vec<u8>> {
        let url = format!("https://{}/debug/pprof/{path}", self.address);
        let answer = self.client()?.get(url).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// Puts it under a steady small load (150 writes a second) until the value is dropped.
    pub fn load(&self, folder: &Path) -> Result<Process> {
        Process::spawn("etcd-load", folder, self.ctl(["check", "perf", "--load=m"]))
    }
}

fn server(
    program: &Path,
    folder: &Path,
    [client, peer]: [u16; 2],
    certs: Option<&Certs>,
) -> Command {
    let scheme = if certs.is_some() { "https" } else { "http" };
    let client_url = format!("{scheme}://127.0.0.1:{client}");
    let peer_url = format!("http://127.0.0.1:{peer}");
    let mut command = Command::new(program);
    command
        .args(["--name", "m1", "--enable-pprof", "--metrics=extensive"])
        .arg("--data-dir")
        .arg(folder.join("etcd-data"))
        .args(["--listen-client-urls", &client_url])
        .args(["--advertise-client-urls", &client_url])
        .args(["--listen-peer-urls", &peer_url])
        .args(["--initial-advertise-peer-urls", &peer_url])
        .args(["--initial-cluster", &format!("m1={peer_url}")]);
    if let Some(certs) = certs {
        command
            .args(["--client-cert-auth", "--trusted-ca-file"])
            .arg(&certs.ca)
            .arg("--cert-file")
            .arg(&certs.server_cert)
            .arg("--key-file")
            .arg(&certs.server_key);
    }
    command
}
