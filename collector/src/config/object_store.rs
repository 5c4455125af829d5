//! `archive.object_store`: the bucket that gets a copy of the archive.

use std::error::Error;
use std::time::Duration;

use exporter::auth::SecretSource;
use storage::archive::remote::{
    Bucket, BucketOptions, BucketScheme, BucketUrl, CAN_USE_BUCKETS, MirrorOptions,
    RemoteRetention, StoreKeys,
};

use super::http;
use super::scalar::{Wrong, boolean, duration, non_empty, size};
use super::table::Table;
use super::yaml::Node;

const DAY: Duration = Duration::from_secs(86_400);
const MIB: u64 = 1 << 20;
/// Where credentials belong.
const KEYS: &str = "access_key_id and secret_access_key_file";

/// Where the archive is copied to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectStoreConfig {
    /// The bucket.
    pub bucket: BucketOptions,
    /// Access key id, or name of the account; without it credentials come from the environment.
    pub access_key_id: Option<SecretSource>,
    /// Secret access key, or key of the account.
    pub secret_access_key: Option<SecretSource>,
    /// When files go up, and when they leave the bucket.
    pub mirror: MirrorOptions,
}

impl ObjectStoreConfig {
    /// Reads the section; `None` if it is not there or has no bucket.
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let config = table.table("object_store", read).flatten();
        if !CAN_USE_BUCKETS && table.has("object_store") {
            let problem = "this leadsman was built without the feature object-store";
            table.fail(
                "object_store",
                problem,
                "a build with --features object-store",
            );
        }
        config
    }

    /// Reads the secrets as they are now, and prepares for requests.
    ///
    /// # Errors
    /// A secret cannot be read, or the options do not fit together.
    pub fn open(&self) -> Result<Bucket, Box<dyn Error + Send + Sync>> {
        let read = |secret: &Option<SecretSource>| secret.as_ref().map(SecretSource::read);
        let keys = StoreKeys {
            id: read(&self.access_key_id).transpose()?,
            secret: read(&self.secret_access_key).transpose()?,
        };
        Ok(Bucket::open(&self.bucket, &keys)?)
    }
}

fn read(table: &mut Table<'_>) -> Option<ObjectStoreConfig> {
    let url = table.required("url", BucketUrl::FORMS, url);
    let endpoint = table.get("endpoint", endpoint);
    let region = table.get("region", non_empty);
    let allow_http = table.get("allow_http", boolean).unwrap_or(false);
    if endpoint
        .as_ref()
        .is_some_and(|url| url.starts_with("http://"))
        && !allow_http
    {
        table.fail(
            "endpoint",
            "plain HTTP",
            "https://…, or allow_http: true beside it",
        );
    }
    let access_key_id = http::secret(table, "access_key_id", "access_key_id_file");
    let secret_access_key = http::secret(table, "secret_access_key", "secret_access_key_file");
    if access_key_id.is_some() && secret_access_key.is_none() {
        table.fail(
            "secret_access_key_file",
            "missing beside an access key id",
            "a file's name",
        );
    }
    let service_account_file = http::secret_file(table, "service_account_file");
    let mirror = read_mirror(table);
    let url = url?;
    let is_google = url.scheme == BucketScheme::GoogleCloud;
    if is_google && access_key_id.is_some() {
        table.fail("access_key_id", "not for gs://", "service_account_file");
    }
    if !is_google && service_account_file.is_some() {
        table.fail(
            "service_account_file",
            format!("not for {url}"),
            "access_key_id and secret_access_key",
        );
    }
    Some(ObjectStoreConfig {
        bucket: BucketOptions {
            url,
            endpoint,
            region,
            allow_http,
            service_account_file,
        },
        access_key_id,
        secret_access_key,
        mirror,
    })
}

fn read_mirror(table: &mut Table<'_>) -> MirrorOptions {
    let seconds = Duration::from_secs(1)..=Duration::from_secs(3600);
    let interval = table.get("interval", duration(seconds));
    let bandwidth = table
        .get("max_bandwidth", size(0..=1 << 40))
        .unwrap_or(16 * MIB);
    MirrorOptions {
        interval: interval.unwrap_or(Duration::from_secs(60)),
        max_bytes_a_second: (bandwidth > 0).then_some(bandwidth),
        retention: table.section("retention", read_retention),
    }
}

fn read_retention(table: &mut Table<'_>) -> RemoteRetention {
    let mut days = |key| {
        let kept = table.get(key, duration(DAY..=DAY * 36_500))?;
        u32::try_from(kept.as_secs() / DAY.as_secs()).ok()
    };
    RemoteRetention {
        raw_days: days("raw"),
        five_minutes_days: days("5m"),
        one_hour_days: days("1h"),
    }
}

fn url(node: &Node) -> Result<BucketUrl, Wrong> {
    let text = non_empty(node)?;
    // Of these the part before the @ is a container; of others it may be a secret.
    if !text.starts_with("abfs") {
        http::refuse_credentials(&text, KEYS)?;
    }
    BucketUrl::parse(&text).ok_or_else(|| Wrong::value(node, BucketUrl::FORMS))
}

fn endpoint(node: &Node) -> Result<String, Wrong> {
    let uri = http::endpoint(node, KEYS)?;
    Ok(uri.to_string().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    /// The message about a configuration that a build with object stores would take or refuse.
    fn check(section: &str, expected: &[&str]) {
        let text = format!("archive:\n  object_store: {section}\n");
        let errors = match parse(Path::new("a.yml"), &text) {
            Ok(_) => String::new(),
            Err(errors) => errors.to_string(),
        };
        let is_of_build = |line: &&str| line.contains("without the feature object-store");
        assert_eq!(
            errors.lines().any(|line| is_of_build(&line)),
            !CAN_USE_BUCKETS,
            "{errors}"
        );
        let lines: Vec<_> = errors.lines().filter(|line| !is_of_build(line)).collect();
        assert_eq!(lines.len(), expected.len(), "{errors}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(
                line.starts_with("a.yml:2: key ") && line.contains(expected),
                "{line}"
            );
        }
    }

    #[test]
    fn a_bucket_needs_its_url() {
        check("{url: \"s3://b/p\"}", &[]);
        check(
            "{region: x}",
            &["key \"url\": missing in archive.object_store; allowed: s3://"],
        );
        check("{url: \"ftp://b\"}", &["wrong value \"ftp://b\""]);
        check("{url: \"s3://id:planted@b/p\"}", &["credentials in a URL"]);
        check("{url: \"az://id:planted@b/p\"}", &["credentials in a URL"]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        check(
            "{url: \"s3://b\", endpoint: \"http://h:1\"}",
            &["key \"endpoint\": plain HTTP; allowed: https://"],
        );
        check(
            "{url: \"s3://b\", endpoint: \"http://h:1\", allow_http: true}",
            &[],
        );
        check(
            "{url: \"s3://b\", access_key_id: a}",
            &["missing beside an access key id"],
        );
        check(
            "{url: \"gs://b\", access_key_id: a, secret_access_key: b}",
            &["not for gs://"],
        );
        check(
            "{url: \"s3://b\", service_account_file: a}",
            &["not for s3://b"],
        );
        check(
            "{url: \"s3://b\", retention: {raw: 1h}}",
            &["key \"raw\": wrong value \"1h\""],
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let text = "archive: {object_store: {url: \"s3://b\", access_key_id: planted, secret_access_key: planted}}";
        let shown = match parse(Path::new("a.yml"), text) {
            Ok(config) => format!("{:?}", config.archive),
            Err(errors) => errors.to_string(),
        };
        assert!(!shown.contains("planted"), "{shown}");
    }
}
