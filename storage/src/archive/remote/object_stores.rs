//! Buckets through the crate `object_store`.
//!
//! Requests run on a thread of their own with a small runtime, and the caller blocks: neither the
//! mirror nor recall is asynchronous, and signing and checksums shall not delay anyone's scrape.

use std::future::Future;
use std::io::{self, Read, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, future};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ClientConfigKey, Error, MultipartUpload, ObjectStore, ObjectStoreExt as _, RetryConfig,
};
use tokio::runtime::Runtime;

use super::options::{BucketOptions, StoreKeys};
use super::store::{Object, Store};
use super::url::{BucketScheme, BucketUrl};
use crate::ErrorChain;
use crate::archive::error::ArchiveError;

/// A file up to this size is one request; of a longer one so much is in memory at a time. Bytes.
const PART: usize = 8 << 20;
/// Of one request, with its retries within `object_store`. The mirror tries again after that.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_RETRIES: usize = 2;
/// A part must go through in this time: 70 kB/s.
const REQUEST_TIMEOUT: &str = "120 seconds";
/// Asked for credentials when there are no others, on machines of Amazon, Azure and Google.
const METADATA_SERVER: &str = "169.254.169.254";
const METADATA_NAME: &str = "metadata.google.internal";
/// Shown in place of a secret.
const MARK: &str = "<secret>";

/// A bucket below a prefix.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    url: BucketUrl,
    keys: StoreKeys,
    runtime: Runtime,
}

/// Prepares for requests.
pub(super) fn connect(options: &BucketOptions, keys: &StoreKeys) -> Result<Bucket, ArchiveError> {
    // An error says that there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let name = PathBuf::from(options.url.to_string());
    let store = match options.url.scheme {
        BucketScheme::S3 => s3(options, keys),
        BucketScheme::GoogleCloud => google(options),
        BucketScheme::Azure => azure(options, keys),
        BucketScheme::Folder => return folder(options, keys),
    };
    let store = store.map_err(|error| failed("open", &name, keys, &error))?;
    let prefix = Path::parse(&options.url.prefix);
    let prefix = prefix.map_err(|error| failed("open", &name, keys, &error.into()))?;
    bucket(store, prefix, options, keys)
}

fn bucket(
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    options: &BucketOptions,
    keys: &StoreKeys,
) -> Result<Bucket, ArchiveError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("object-store")
        .enable_all()
        .build();
    let name = PathBuf::from(options.url.to_string());
    Ok(Bucket {
        store,
        prefix,
        url: options.url.clone(),
        keys: keys.clone(),
        runtime: runtime.map_err(ArchiveError::io("start requests to", &name))?,
    })
}

fn s3(options: &BucketOptions, keys: &StoreKeys) -> Result<Arc<dyn ObjectStore>, Error> {
    let timeout = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&options.url.bucket)
        .with_retry(retry())
        .with_config(timeout, REQUEST_TIMEOUT);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if options.allow_http {
        builder = builder.with_allow_http(true);
    }
    if let Some(id) = &keys.id {
        builder = builder.with_access_key_id(id);
    }
    if let Some(secret) = &keys.secret {
        builder = builder.with_secret_access_key(secret);
    }
    Ok(Arc::new(builder.build()?))
}

fn google(options: &BucketOptions) -> Result<Arc<dyn ObjectStore>, Error> {
    let timeout = GoogleConfigKey::Client(ClientConfigKey::Timeout);
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&options.url.bucket)
        .with_retry(retry())
        .with_config(timeout, REQUEST_TIMEOUT);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    if options.allow_http {
        builder = builder.with_config(GoogleConfigKey::Client(ClientConfigKey::AllowHttp), "true");
    }
    if let Some(file) = &options.service_account_file {
        builder = builder.with_service_account_path(file.to_string_lossy());
    }
    Ok(Arc::new(builder.build()?))
}

fn azure(options: &BucketOptions, keys: &StoreKeys) -> Result<Arc<dyn ObjectStore>, Error> {
    let timeout = AzureConfigKey::Client(ClientConfigKey::Timeout);
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_url(options.url.to_string())
        .with_retry(retry())
        .with_config(timeout, REQUEST_TIMEOUT);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if options.allow_http {
        builder = builder.with_allow_http(true);
    }
    if let Some(id) = &keys.id {
        builder = builder.with_account(id);
    }
    if let Some(secret) = &keys.secret {
        builder = builder.with_access_key(secret);
    }
    Ok(Arc::new(builder.build()?))
}

/// A folder must be there: one that is made where a disk was to be mounted would hide it.
fn folder(options: &BucketOptions, keys: &StoreKeys) -> Result<Bucket, ArchiveError> {
    let path = FilePath::new("/").join(&options.url.prefix);
    let store = LocalFileSystem::new_with_prefix(&path);
    let store = store.map_err(|error| failed("open", &path, keys, &error))?;
    bucket(
        Arc::new(store.with_fsync(true)),
        Path::default(),
        options,
        keys,
    )
}

fn retry() -> RetryConfig {
    RetryConfig {
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_TIMEOUT,
        ..RetryConfig::default()
    }
}

impl Bucket {
    fn call<T>(
        &self,
        action: &'static str,
        key: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ArchiveError> {
        let result = self.runtime.block_on(request);
        result.map_err(|error| failed(action, &self.describe(key), &self.keys, &error))
    }

    /// A key below the prefix. Ours are plain, but for `=`, which every store takes.
    fn path(&self, key: &str) -> Path {
        key.split('/')
            .filter(|part| !part.is_empty())
            .fold(self.prefix.clone(), Path::join)
    }

    /// Whether listings are in the order of keys.
    fn lists_in_order(&self) -> bool {
        matches!(
            self.url.scheme,
            BucketScheme::S3 | BucketScheme::GoogleCloud
        )
    }

    fn send_parts(
        &self,
        key: &str,
        upload: &mut Box<dyn MultipartUpload>,
        source: &mut dyn Read,
        bytes: u64,
    ) -> Result<(), ArchiveError> {
        let mut left = bytes;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(PART).min(PART);
            let data = self.read(key, source, part)?;
            self.call("upload", key, upload.put_part(data.into()))?;
            left -= part as u64;
        }
        self.call("upload", key, upload.complete()).map(|_| ())
    }

    fn read(&self, key: &str, source: &mut dyn Read, len: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut data = vec![0; len];
        let read = source.read_exact(&mut data);
        read.map_err(ArchiveError::io("read what goes to", &self.describe(key)))?;
        Ok(data)
    }
}

impl Store for Bucket {
    fn folders(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        let path = self.path(folder);
        let list = self.store.list_with_delimiter(Some(&path));
        let listed = self.call("list", folder, list)?;
        let names = listed.common_prefixes.iter().filter_map(Path::filename);
        Ok(names.map(str::to_owned).collect())
    }

    fn objects(&self, folder: &str, start: &str) -> Result<Vec<Object>, ArchiveError> {
        let path = self.path(folder);
        let list = self
            .store
            .list_with_offset(Some(&path), &path.clone().join(start));
        let n_parts = path.parts().count() + 1;
        let (starts, in_order) = (start.to_owned(), self.lists_in_order());
        let is_ours = move |name: &str| name.starts_with(&starts);
        let ours = is_ours.clone();
        let all = list
            .try_take_while(move |meta| {
                // The first name in order that is another writer's ends the listing early.
                let goes_on = !in_order || meta.location.filename().is_some_and(&ours);
                future::ready(Ok(goes_on))
            })
            .try_filter_map(move |meta| {
                let is_direct = meta.location.parts().count() == n_parts;
                let name = meta
                    .location
                    .filename()
                    .filter(|name| is_direct && is_ours(name));
                future::ready(Ok(name.map(|name| Object {
                    name: name.to_owned(),
                    bytes: meta.size,
                })))
            });
        self.call("list", folder, all.try_collect())
    }

    fn upload(&self, key: &str, source: &mut dyn Read, bytes: u64) -> Result<(), ArchiveError> {
        let path = self.path(key);
        if let Some(len) = usize::try_from(bytes).ok().filter(|len| *len <= PART) {
            let data = self.read(key, source, len)?;
            let put = self.store.put(&path, data.into());
            return self.call("upload", key, put).map(|_| ());
        }
        let mut upload = self.call("upload", key, self.store.put_multipart(&path))?;
        let sent = self.send_parts(key, &mut upload, source, bytes);
        if sent.is_err() {
            let _ = self.call("abort the upload of", key, upload.abort()); // the first error tells
        }
        sent
    }

    fn download(&self, key: &str, into: &mut dyn Write) -> Result<(), ArchiveError> {
        let answer = self.call("download", key, self.store.get(&self.path(key)))?;
        let expected = answer.meta.size;
        let mut stream = answer.into_stream();
        let mut n_bytes = 0;
        while let Some(piece) = self.runtime.block_on(stream.next()) {
            let name = self.describe(key);
            let piece = piece.map_err(|error| failed("download", &name, &self.keys, &error))?;
            into.write_all(&piece)
                .map_err(ArchiveError::io("keep", &name))?;
            n_bytes += piece.len() as u64;
        }
        if n_bytes != expected {
            let what = format!("{n_bytes} bytes came instead of {expected}");
            return Err(ArchiveError::damaged(&self.describe(key), what));
        }
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), ArchiveError> {
        let path = self.path(key);
        let delete = async {
            match self.store.delete(&path).await {
                Err(Error::NotFound { .. }) => Ok(()),
                result => result,
            }
        };
        self.call("delete", key, delete)
    }

    fn describe(&self, key: &str) -> PathBuf {
        let slash = if key.is_empty() { "" } else { "/" };
        PathBuf::from(format!("{}{slash}{key}", self.url))
    }
}

/// The error of a request, with a kind that tells what can be done, and without secrets: servers
/// are free to send back what they were sent.
fn failed(action: &'static str, name: &FilePath, keys: &StoreKeys, error: &Error) -> ArchiveError {
    // Servers answer in several lines.
    let text = ErrorChain(error).to_string().replace(['\r', '\n'], " ");
    let text = redact(&text, keys);
    let kind = match error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        _ => kind(&text),
    };
    ArchiveError::io(action, name)(io::Error::new(kind, text))
}

/// The kind of an error that has none: listings have not, nor has it when nobody gives credentials.
fn kind(text: &str) -> io::ErrorKind {
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if says(&[
        "status code: 401",
        "status code: 403",
        METADATA_SERVER,
        METADATA_NAME,
    ]) {
        io::ErrorKind::PermissionDenied
    } else if says(&["status code: 404"]) {
        io::ErrorKind::NotFound
    } else {
        io::ErrorKind::Other
    }
}

/// Takes the secret key out, and the signatures that URLs of requests may carry.
fn redact(text: &str, keys: &StoreKeys) -> String {
    let secret = keys.secret.as_deref().filter(|secret| secret.len() >= 4);
    let text = secret.map_or(text.to_owned(), |secret| text.replace(secret, MARK));
    ["sig=", "X-Amz-Signature=", "X-Goog-Signature="]
        .into_iter()
        .fold(text, |text, name| {
            let mut parts = text.split(name);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |out, part| {
                let end =
                    part.find(|c: char| c == '&' || c == ')' || c == '"' || c.is_whitespace());
                out + name + MARK + part.get(end.unwrap_or(part.len())..).unwrap_or_default()
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_messages() {
        let keys = StoreKeys {
            id: None,
            secret: Some("hunter22".into()),
        };
        let text = "GET https://h/c?a=b&sig=abc%3D&x=y (hunter22) sig=def";
        let redacted = redact(text, &keys);
        assert_eq!(
            redacted,
            "GET https://h/c?a=b&sig=<secret>&x=y (<secret>) sig=<secret>"
        );
        assert_eq!(format!("{keys:?}"), "StoreKeys(<secret>)");
    }

    #[test]
    fn what_can_be_done_follows_from_an_error_without_a_kind() {
        for (text, expected) in [
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml",
                io::ErrorKind::PermissionDenied,
            ),
            (
                "PUT http://169.254.169.254/latest/api/token: timed out",
                io::ErrorKind::PermissionDenied,
            ),
            (
                "Server returned non-2xx status code: 404 Not Found",
                io::ErrorKind::NotFound,
            ),
            (
                "Server returned error status code: 503",
                io::ErrorKind::Other,
            ),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn each_kind_of_bucket_is_opened_from_its_options() {
        let keys = StoreKeys {
            id: Some("account".into()),
            secret: Some("c2VjcmV0".into()),
        };
        for url in [
            "s3://b/p",
            "az://c/p",
            "abfs://c@account.dfs.core.windows.net/p",
        ] {
            let options = BucketOptions::new(BucketUrl::parse(url).unwrap());
            let bucket =
                connect(&options, &keys).unwrap_or_else(|error| panic!("{url}: {error:?}"));
            assert_eq!(bucket.describe("t/a"), PathBuf::from(format!("{url}/t/a")));
            assert_eq!(
                bucket.path("t/date=2026-11-25/a").to_string(),
                "p/t/date=2026-11-25/a"
            );
            assert!(!format!("{bucket:?}").contains("c2VjcmV0"), "{url}");
        }
    }

    #[test]
    fn a_google_bucket_asks_for_its_key_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = BucketOptions::new(BucketUrl::parse("gs://b/p").unwrap());
        options.service_account_file = Some(folder.path().join("missing.json"));
        let error = connect(&options, &StoreKeys::default()).unwrap_err();
        let text = ErrorChain(&error).to_string();
        assert!(
            text.starts_with("failed to open gs://b/p") && text.contains("missing.json"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unmounted");
        let url = BucketUrl::parse(&format!("file://{}", path.display())).unwrap();
        connect(&BucketOptions::new(url), &StoreKeys::default()).unwrap_err();
        assert!(!path.exists());
    }
}
