//! Where to look: the first lines that a user at a terminal sees.

use std::io::IsTerminal;
use std::net::SocketAddr;

use tracing::info;

use crate::config::{Config, DEFAULT_LISTEN};

/// Says where the pages, the data and the targets are.
pub(super) fn show(config: &Config, address: SocketAddr) {
    let scheme = if config.web.access.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let data =
        std::path::absolute(&config.archive.path).unwrap_or_else(|_| config.archive.path.clone());
    info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = %address,
        data = %data.display(),
        jobs = config.jobs.len(),
        receivers = config.otlp.len(),
        "leadsman takes soundings"
    );
    if std::io::stderr().is_terminal() {
        let ask = if address == DEFAULT_LISTEN {
            "leadsman targets".to_owned()
        } else {
            format!("leadsman targets --address {scheme}://{address}")
        };
        eprintln!(
            "\n  pages     {scheme}://{address}\
             \n  metrics   {scheme}://{address}/metrics\
             \n  targets   {ask}      (or {scheme}://{address}/api/v1/targets)\
             \n  archive   {}/archive\
             \n            e.g. duckdb -c \"SELECT job, kind, count(*) FROM '{}/archive/profiles/*/*.parquet' GROUP BY ALL\"\
             \n  stop      Ctrl-C\n",
            data.display(),
            data.display(),
        );
    }
}
