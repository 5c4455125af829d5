//! Where the configuration comes from: a file, or none, and the command line over it.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{self, Config, ConfigErrors, LogFormat};

/// What the command line says instead of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) log_level: Option<String>,
    pub(crate) log_format: Option<LogFormat>,
}

/// Loads the configuration, at the start and again at each reload.
#[derive(Clone, Debug)]
pub(crate) struct ConfigSource {
    file: Option<PathBuf>,
    overrides: Overrides,
}

impl ConfigSource {
    pub(crate) fn new(file: Option<PathBuf>, overrides: Overrides) -> Self {
        Self { file, overrides }
    }

    /// Reads and validates it.
    pub(crate) fn load(&self) -> Result<Config, ConfigErrors> {
        let mut config = config::load(self.file.as_deref())?;
        let overrides = self.overrides.clone();
        if let Some(listen) = overrides.listen {
            config.web.listen = listen;
        }
        if let Some(data) = overrides.data {
            config.archive.log.path = data.join("log");
            config.archive.archive.path = data.join("archive");
            config.archive.path = data;
        }
        if let Some(level) = overrides.log_level {
            config.telemetry.log_level = level;
        }
        if let Some(format) = overrides.log_format {
            config.telemetry.log_format = format;
        }
        Ok(config)
    }
}
