//! A real containerd in a folder of its own (it needs root), with metrics and its debug socket.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

/// A running containerd.
pub struct Containerd {
    /// The process.
    pub process: Process,
    /// Its API socket.
    pub socket: PathBuf,
    /// Its debug socket, with pprof.
    pub debug_socket: PathBuf,
    /// `127.0.0.1:port` of `/v1/metrics`.
    pub metrics_address: String,
    /// Where `ctr` is; nothing: where programs are.
    programs: PathBuf,
}

impl Containerd {
    /// Starts Debian 12's and waits until it answers.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::launch(folder, PathBuf::new(), &[]).await
    }

    /// The same with a 2.x, which sends its traces to an OTLP/HTTP endpoint.
    pub async fn sending_traces(folder: &Path, endpoint: &str) -> Result<Self> {
        let programs = tools::folder().join("containerd/usr/bin");
        let path = std::env::var("PATH").unwrap_or_default();
        // It starts its shim by the name alone.
        let path = format!("{}:{path}", programs.display());
        let variables = [
            ("PATH", &*path),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_SERVICE_NAME", "containerd"),
        ];
        Self::launch(folder, programs, &variables).await
    }

    async fn launch(folder: &Path, programs: PathBuf, variables: &[(&str, &str)]) -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "containerd needs root: run the tests as root"
        );
        let metrics_address = format!("127.0.0.1:{}", free_port()?);
        let (socket, debug_socket) = (folder.join("c.sock"), folder.join("debug.sock"));
        let config = folder.join("containerd.toml");
        let (root, state) = (folder.join("c-root"), folder.join("c-state"));
        std::fs::write(
            &config,
            format!(
                "version = 2\nroot = {root:?}\nstate = {state:?}\n\
                 disabled_plugins = [\"io.containerd.grpc.v1.cri\", \
                 \"io.containerd.cri.v1.images\", \"io.containerd.cri.v1.runtime\"]\n\
                 [grpc]\naddress = {socket:?}\n[debug]\naddress = {debug_socket:?}\n\
                 [metrics]\naddress = {metrics_address:?}\ngrpc_histogram = true\n"
            ),
        )?;
        let mut command = Command::new(programs.join("containerd"));
        command.arg("--config").arg(&config);
        command.envs(variables.iter().copied());
        let process = Process::spawn("containerd", folder, command)?;
        let mut containerd = Self {
            process,
            socket,
            debug_socket,
            metrics_address,
            programs,
        };
        until("containerd to answer", PATIENCE, || {
            let up = containerd
                .process
                .check_alive()
                .and_then(|()| tools::run(&mut containerd.ctr(["version"])));
            async { up }
        })
        .await?;
        Ok(containerd)
    }

    /// A `ctr` command against it.
    pub fn ctr<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = Command::new(self.programs.join("ctr"));
        command.arg("--address").arg(&self.socket).args(args);
        command
    }

    /// Asks it things as fast as it answers, until the value is dropped.
    pub fn load(&self, folder: &Path) -> Result<Process> {
        let mut command = Command::new("sh");
        command.arg("-c").arg("while ctr --address \"$0\" images ls && ctr --address \"$0\" plugins ls; do :; done >/dev/null");
        command.arg(&self.socket);
        Process::spawn("containerd-load", folder, command)
    }
}
