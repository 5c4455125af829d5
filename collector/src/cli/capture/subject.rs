//! What is captured: a URL, or a target that the configuration knows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use exporter::auth::{Credentials, SecretSource};
use exporter::tls::ClientTlsOptions;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, Global, ProfileSpec};
use crate::discovery::{Address, DiscoveredTarget, Discoverer, DiscoveryOptions};
use crate::fetch::{ClientOptions, Endpoint};

/// How long the target is looked for in the configuration.
const DISCOVERY_TIME: Duration = Duration::from_secs(10);

/// How to get at the target. For a target of the configuration its job's settings hold instead.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AccessArgs {
    /// Configuration in which TARGET is looked for; without it, what is found on this machine
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Certificates that are trusted instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Client certificate
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Name to verify instead of the URL's host
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Accept any certificate
    #[arg(long)]
    insecure_skip_verify: bool,
    /// File with a bearer token
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
}

/// What is captured, and how it is reached.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) endpoint: Endpoint,
    pub(super) http: ClientOptions,
    pub(super) metrics_path: String,
    pub(super) params: Vec<(String, String)>,
    pub(super) profiles: Vec<ProfileSpec>,
    pub(super) body_limit: usize,
}

impl Subject {
    pub(super) async fn find(name: &str, access: &AccessArgs) -> anyhow::Result<Self> {
        if name.contains("://") {
            return Self::from_url(name, access);
        }
        let target = find_target(name, access.config.as_deref()).await?;
        Self::from_target(name, &target)
    }

    fn from_url(url: &str, access: &AccessArgs) -> anyhow::Result<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (address, path) = match rest.split_once('/') {
            Some((address, path)) if scheme != "unix" => (address, format!("/{path}")),
            _ => (rest, "/".to_owned()),
        };
        let endpoint = Endpoint::new(scheme, address)
            .with_context(|| format!("{url}: the scheme is one of http, https, unix"))?;
        Ok(Self {
            name: url.to_owned(),
            endpoint,
            http: access.client_options(),
            metrics_path: if path == "/" {
                "/metrics".to_owned()
            } else {
                path
            },
            params: Vec::new(),
            profiles: ProfileSpec::defaults(),
            body_limit: Global::default().body_size_limit,
        })
    }

    /// All kinds that the job knows, taken or not, and those that every Go program may offer.
    fn from_target(name: &str, target: &DiscoveredTarget) -> anyhow::Result<Self> {
        let endpoint = match &target.address {
            Address::Unix(path) => Endpoint::Unix(path.clone()),
            Address::Tcp(address) => Endpoint::new(target.scheme.as_str(), address)?,
        };
        let mut profiles = target.profiles.clone();
        for spec in ProfileSpec::defaults() {
            if profiles.iter().all(|known| known.kind != spec.kind) {
                profiles.push(spec);
            }
        }
        Ok(Self {
            name: name.to_owned(),
            endpoint,
            http: target.job.http.clone(),
            metrics_path: target.metrics_path.clone(),
            params: target.params.clone(),
            profiles,
            body_limit: target.job.body_size_limit,
        })
    }
}

impl AccessArgs {
    fn client_options(&self) -> ClientOptions {
        let token = self.bearer_token_file.clone().map(SecretSource::File);
        ClientOptions {
            tls: ClientTlsOptions {
                ca_file: self.ca_file.clone(),
                cert_file: self.cert_file.clone(),
                key_file: self.key_file.clone(),
                server_name: self.server_name.clone(),
                insecure_skip_verify: self.insecure_skip_verify,
            },
            credentials: token.map(|token| Credentials::Token {
                scheme: "Bearer".to_owned(),
                token,
            }),
            ..ClientOptions::default()
        }
    }
}

/// Looks for the one target that `name` means.
async fn find_target(name: &str, path: Option<&Path>) -> anyhow::Result<DiscoveredTarget> {
    let config = Arc::new(config::load(path)?);
    let found = discover(config, |targets| {
        targets.iter().any(|target| is_named(target, name))
    });
    let targets = found.await;
    let mut named = targets.iter().filter(|target| is_named(target, name));
    match (named.next(), named.next()) {
        (Some(target), None) => Ok(target.clone()),
        (Some(_), Some(_)) => {
            let all = targets.iter().filter(|target| is_named(target, name));
            bail!("{name} means several targets: {}", list(all))
        }
        (None, _) if targets.is_empty() => bail!("no target {name}: there are no targets at all"),
        (None, _) => bail!("no target {name}; there are: {}", list(targets.iter())),
    }
}

/// The targets of a configuration, as soon as they are `enough`, or those found in time.
async fn discover(
    config: Arc<Config>,
    enough: impl Fn(&[DiscoveredTarget]) -> bool,
) -> Vec<DiscoveredTarget> {
    let options = DiscoveryOptions {
        local_root: PathBuf::from("/"),
        own_address: Some(config.web.listen),
    };
    let (_config, configs) = watch::channel(config);
    let discoverer = Discoverer::new(configs, options);
    let mut targets = discoverer.targets();
    let stop = CancellationToken::new();
    let running = tokio::spawn(discoverer.run(stop.clone()));
    let found = targets.wait_for(|targets| enough(targets));
    let _ = tokio::time::timeout(DISCOVERY_TIME, found).await;
    let found = targets.borrow().clone();
    stop.cancel();
    let _ = running.await;
    found
}

fn is_named(target: &DiscoveredTarget, name: &str) -> bool {
    let (job, instance) = (target.target.job(), target.target.instance());
    name == job || name == instance || name.strip_prefix(job) == Some(&format!("/{instance}"))
}

fn list<'a>(targets: impl Iterator<Item = &'a DiscoveredTarget>) -> String {
    let name =
        |target: &DiscoveredTarget| format!("{}/{}", target.target.job(), target.target.instance());
    targets.map(name).collect::<Vec<_>>().join(", ")
}
