//! How a bucket is named: `s3://BUCKET/PREFIX` and the like.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fmt;

/// What is spoken to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketScheme {
    /// S3, of Amazon or of anyone else.
    S3,
    /// Google Cloud Storage.
    GoogleCloud,
    /// Azure Blob Storage.
    Azure,
    /// A folder, such as a mounted one.
    Folder,
}

/// The place of an archive in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    /// What is spoken.
    pub scheme: BucketScheme,
    /// Name of the bucket; for Azure of the container, perhaps with `@ACCOUNT`; empty for a folder.
    pub bucket: String,
    /// What all keys begin with, without `/` at its ends; for a folder its path below `/`.
    pub prefix: String,
    text: String,
}

const SCHEMES: [(&str, BucketScheme); 7] = [
    ("s3", BucketScheme::S3),
    ("s3a", BucketScheme::S3),
    ("gs", BucketScheme::GoogleCloud),
    ("az", BucketScheme::Azure),
    ("abfs", BucketScheme::Azure),
    ("abfss", BucketScheme::Azure),
    ("file", BucketScheme::Folder),
];

impl BucketUrl {
    /// What is allowed, for messages.
    pub const FORMS: &str = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, \
                             abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX, file:///FOLDER";

    /// Reads a URL; `None` for anything that is not one of [`BucketUrl::FORMS`].
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = SCHEMES.iter().find(|(name, _)| *name == scheme)?.1;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let has_bucket = match scheme {
            BucketScheme::Folder => bucket.is_empty() && !prefix.is_empty(),
            BucketScheme::Azure => is_name(bucket, "@"),
            BucketScheme::S3 | BucketScheme::GoogleCloud => is_name(bucket, ""),
        };
        let parts = prefix.split('/');
        let is_plain = prefix.is_empty() || parts.into_iter().all(is_part);
        (has_bucket && is_plain).then(|| Self {
            scheme,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            text: text.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether `text` is meant as a bucket, and not as a folder's path.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://")
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_name(text: &str, more: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c) || more.contains(c);
    !text.is_empty() && text.chars().all(is_allowed)
}

/// Whether it is part of a key that every store takes as it is.
fn is_part(part: &str) -> bool {
    let is_allowed = |c: char| !c.is_control() && !"\\{}^%`[]\"<>~#|*?".contains(c);
    !matches!(part, "" | "." | "..") && part.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        for (text, scheme, bucket, prefix) in [
            ("s3://b/p/q", BucketScheme::S3, "b", "p/q"),
            ("s3://b", BucketScheme::S3, "b", ""),
            ("s3a://b/p/", BucketScheme::S3, "b", "p"),
            (
                "gs://b.example/p",
                BucketScheme::GoogleCloud,
                "b.example",
                "p",
            ),
            ("az://c/p", BucketScheme::Azure, "c", "p"),
            (
                "abfs://c@a.dfs.core.windows.net/p",
                BucketScheme::Azure,
                "c@a.dfs.core.windows.net",
                "p",
            ),
            (
                "file:///srv/archive",
                BucketScheme::Folder,
                "",
                "srv/archive",
            ),
        ] {
            let url = BucketUrl::parse(text).unwrap();
            assert_eq!(
                (url.scheme, &*url.bucket, &*url.prefix),
                (scheme, bucket, prefix)
            );
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for text in [
            "",
            "s3",
            "s3://",
            "s3:///p",
            "file://host/p",
            "file:///",
            "http://b/p",
            "s3://key:secret@b/p",
            "s3://b/../p",
            "s3://b//p",
            "s3://b/p?versionId=1",
            "s3://b/p#q",
            "/srv/archive",
        ] {
            assert_eq!(BucketUrl::parse(text), None, "{text}");
        }
    }
}
