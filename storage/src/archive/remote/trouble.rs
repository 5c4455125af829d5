//! Which trouble with a bucket is worth a line in the log: each stretch of it, once.

use std::error::Error;
use std::io;

use crate::archive::error::ArchiveError;

/// What the log says of the bucket.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    told: Option<&'static str>,
}

impl Trouble {
    /// There is trouble, and this can be done about it: whether to log it. Within a stretch only
    /// another remedy is news.
    pub(super) fn is_news(&mut self, remedy: &'static str) -> bool {
        self.told.replace(remedy) != Some(remedy)
    }

    /// There is none: whether the log says that there is.
    pub(super) fn is_over(&mut self) -> bool {
        self.told.take().is_some()
    }
}

/// What whoever runs leadsman can do about it.
pub(super) fn remedy(error: &(dyn Error + Send + Sync + 'static)) -> &'static str {
    if matches!(error.downcast_ref(), Some(ArchiveError::NoObjectStores)) {
        return "use a build with the feature object-store";
    }
    match kind(error) {
        Some(io::ErrorKind::PermissionDenied) => {
            "check archive.object_store.access_key_id and secret_access_key, or the credentials of \
             this machine, and that they may list, get, put and delete below the prefix"
        }
        Some(io::ErrorKind::NotFound) => "make the bucket, or correct archive.object_store.url",
        _ => {
            "nothing is lost: files wait in the archive's folder; if it lasts, check \
             archive.object_store.endpoint and the network"
        }
    }
}

/// What whoever asked a bucket for something can do about it.
pub fn advice(error: &(dyn Error + 'static)) -> &'static str {
    match kind(error) {
        Some(io::ErrorKind::PermissionDenied) => {
            "check the credentials in the environment (AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, AZURE_… or GOOGLE_…), and that they may list and get below the \
             prefix"
        }
        Some(io::ErrorKind::NotFound) => "there is no such bucket for this server and region",
        _ => {
            "check the network, and credentials, server and region in the environment \
             (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, AWS_REGION and the like)"
        }
    }
}

fn kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => Some(error.kind()),
        None => kind(error.source()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_told_once_and_its_end_too() {
        let mut trouble = Trouble::default();
        assert!(!trouble.is_over());
        assert!(trouble.is_news("a"));
        assert!(!trouble.is_news("a"));
        assert!(trouble.is_news("b"), "something else has to be done");
        assert!(trouble.is_over());
        assert!(!trouble.is_over());
        assert!(trouble.is_news("b"), "a new stretch");
    }
}
