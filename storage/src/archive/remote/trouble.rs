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

/// Where the trouble is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The bucket does not let us in.
    Access,
    /// There is no such bucket.
    Name,
    /// A folder of this machine.
    Disk,
    /// The way there, or the bucket itself.
    Network,
    /// None of these.
    Other,
}

/// What whoever runs leadsman can do about it.
pub(super) fn remedy(error: &(dyn Error + Send + Sync + 'static)) -> &'static str {
    if matches!(error.downcast_ref(), Some(ArchiveError::NoObjectStores)) {
        return "use a build with the feature object-store";
    }
    match place(error) {
        Place::Access => {
            "check archive.object_store.access_key_id and secret_access_key, or the credentials of \
             this machine, and that they may list, get, put and delete below the prefix"
        }
        Place::Name => "make the bucket, or correct archive.object_store.url",
        Place::Disk => "check the archive's folder, its permissions and its disk",
        Place::Network | Place::Other => {
            "nothing is lost: files wait in the archive's folder; if it lasts, check \
             archive.object_store.endpoint and the network"
        }
    }
}

/// What whoever asked a bucket for something can do about it, if it is the bucket's matter.
pub fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    match place(error) {
        Place::Access => Some(
            "check the credentials in the environment (AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, AZURE_… or GOOGLE_…), and that they may list and get below the \
             prefix",
        ),
        Place::Name => Some("there is no such bucket for this server and region"),
        Place::Disk => Some("check the folder of the cache (--cache DIR), or name another one"),
        Place::Network => Some(
            "check the network, and credentials, server and region in the environment \
             (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, AWS_REGION and the like)",
        ),
        Place::Other => None,
    }
}

fn place(error: &(dyn Error + 'static)) -> Place {
    let Some(io) = error.downcast_ref::<io::Error>() else {
        return error.source().map_or(Place::Other, place);
    };
    match io.kind() {
        _ if io.raw_os_error().is_some() => Place::Disk,
        io::ErrorKind::PermissionDenied => Place::Access,
        io::ErrorKind::NotFound => Place::Name,
        _ => Place::Network,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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

    #[test]
    fn advice_is_for_the_place_of_the_trouble() {
        let path = Path::new("s3://b");
        let place_of = |source| place(&ArchiveError::io("list", path)(source));
        let told = |kind| place_of(io::Error::new(kind, "told by a server"));
        assert_eq!(told(io::ErrorKind::PermissionDenied), Place::Access);
        assert_eq!(told(io::ErrorKind::NotFound), Place::Name);
        assert_eq!(told(io::ErrorKind::Other), Place::Network);
        let enospc = io::Error::from_raw_os_error(28);
        assert_eq!(place_of(enospc), Place::Disk);
        assert_eq!(place(&ArchiveError::NoObjectStores), Place::Other);
        assert_eq!(advice(&ArchiveError::NoObjectStores), None);
    }
}
