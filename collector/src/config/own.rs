//! The job in which leadsman is its own target.

use exporter::tls::ClientTlsOptions;
use exporter::web::WebOptions;

use super::global::Global;
use super::profiles::ProfileSpec;
use super::table::Table;
use super::telemetry::TelemetryConfig;
use super::{Discovery, Job, Scheme};
use crate::fetch::{ClientOptions, Redirects};

/// What leadsman is called as a target.
pub(super) const NAME: &str = "leadsman";

/// The job, unless it is switched off or cannot be.
pub(super) fn job(
    table: &Table<'_>,
    global: &Global,
    web: &WebOptions,
    telemetry: &TelemetryConfig,
    others: &[Job],
) -> Option<Job> {
    // A job of that name is taken to be a better one.
    if !telemetry.scrape_self || others.iter().any(|job| job.name == NAME) {
        return None;
    }
    if web
        .access
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_ca_file.is_some())
    {
        table.warn(
            "web",
            "leadsman is not its own target: it has no client certificate for itself",
        );
        return None;
    }
    let profiled = ["process_cpu", "memory"];
    let profiles = ProfileSpec::defaults().into_iter();
    Some(Job {
        scheme: if web.access.tls.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        },
        http: client(web),
        params: vec![("signals".to_owned(), "off".to_owned())],
        discovery: vec![Discovery::Own],
        profiles: profiles
            .filter(|spec| profiled.contains(&&*spec.kind))
            .collect(),
        ..Job::new(NAME, global)
    })
}

/// We know our own credentials. Our certificate is for another name than the loopback address,
/// and nobody else can listen there while we do.
fn client(web: &WebOptions) -> ClientOptions {
    ClientOptions {
        tls: ClientTlsOptions {
            insecure_skip_verify: web.access.tls.is_some(),
            ..ClientTlsOptions::default()
        },
        credentials: web.access.credentials.first().cloned(),
        follow_redirects: Redirects::Refuse,
    }
}
