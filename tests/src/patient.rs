//! A Go program that falls ill on demand: see `tests/go/patient.go`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::http;
use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

/// The program, running.
pub struct Patient {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:port`.
    pub address: String,
}

impl Patient {
    /// Compiles it in a folder and starts it.
    pub async fn start(folder: &Path, name: &str) -> Result<Self> {
        let binary = folder.join("patient");
        if !binary.exists() {
            let source = tools::tests_folder().join("go/patient.go");
            let mut build = Command::new("go");
            build.env("GOFLAGS", "-mod=mod").env("GO111MODULE", "off");
            build.arg("build").arg("-o").arg(&binary).arg(source);
            tools::run(&mut build)?;
        }
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(&binary);
        command.arg(&address);
        let process = Process::spawn(name, folder, command)?;
        let patient = Self { process, address };
        until("the Go program to answer", PATIENCE, || {
            patient.get("/metrics")
        })
        .await?;
        Ok(patient)
    }

    /// The body of a GET.
    pub async fn get(&self, path: &str) -> Result<String> {
        http::get(&format!("http://{}{path}", self.address)).await
    }

    /// A profile as it is now, in pprof's format.
    pub async fn profile(&self, path: &str) -> Result<Vec<u8>> {
        let url = format!("http://{}/debug/pprof/{path}", self.address);
        let answer = http::client().get(url).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }
}
