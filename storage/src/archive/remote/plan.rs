//! What is to be done for a partition. Pure: listings in, names out.

use crate::archive::file_name::FileName;

/// A file of ours in a folder or a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sized {
    pub(super) name: FileName,
    pub(super) bytes: u64,
}

/// The files in the bucket that can be relied on: those as long as our own file of that name, and
/// those of which we have none (any more).
pub(super) fn whole(local: &[Sized], remote: &[Sized]) -> Vec<FileName> {
    let is_whole = |there: &&Sized| {
        let same = local.iter().find(|here| here.name == there.name);
        same.is_none_or(|here| here.bytes == there.bytes)
    };
    remote
        .iter()
        .filter(is_whole)
        .map(|there| there.name)
        .collect()
}

/// Whether the rows of a file are in one of these.
pub(super) fn holds(names: &[FileName], name: FileName) -> bool {
    names
        .iter()
        .any(|&there| there == name || there.supersedes(name))
}

/// Our files whose rows the bucket lacks.
pub(super) fn lacking(local: &[Sized], whole: &[FileName]) -> Vec<Sized> {
    let is_lacking = |here: &Sized| !holds(whole, here.name);
    local.iter().copied().filter(is_lacking).collect()
}

/// The files in the bucket whose rows are all in another one there.
pub(super) fn superseded(remote: &[Sized], whole: &[FileName]) -> Vec<FileName> {
    let names = remote.iter().map(|there| there.name);
    names
        .filter(|&name| whole.iter().any(|other| other.supersedes(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;
    use crate::archive::file_name::WriterId;

    fn file(from: u64, to: u64, bytes: u64) -> Sized {
        let name = FileName {
            writer: WriterId(1),
            from: Position(from),
            to: Position(to),
        };
        Sized { name, bytes }
    }

    /// What is uploaded, and what of the bucket is then removed.
    #[track_caller]
    fn check(local: &[Sized], remote: &[Sized], up: &[Sized], gone: &[Sized]) {
        let lacking = lacking(local, &whole(local, remote));
        assert_eq!(lacking, up);
        let after: Vec<Sized> = remote
            .iter()
            .filter(|there| lacking.iter().all(|new| new.name != there.name))
            .chain(&lacking)
            .copied()
            .collect();
        let names: Vec<FileName> = gone.iter().map(|file| file.name).collect();
        assert_eq!(superseded(&after, &whole(local, &after)), names);
    }

    #[test]
    fn what_is_missing_or_cut_short_goes_up() {
        let (a, b) = (file(0, 10, 5), file(10, 20, 6));
        check(&[a, b], &[a], &[b], &[]);
        check(&[a], &[file(0, 10, 4)], &[a], &[]);
        check(&[], &[a, b], &[], &[]);
    }

    #[test]
    fn what_was_compacted_replaces_its_parts() {
        let (a, b, both) = (file(0, 10, 5), file(10, 20, 6), file(0, 20, 9));
        check(&[both], &[a, b], &[both], &[a, b]);
        check(&[both], &[a, b, both], &[], &[a, b]);
        check(&[a, b], &[both], &[], &[]);
    }

    #[test]
    fn a_file_cut_short_in_the_bucket_replaces_nothing() {
        let (a, both, cut) = (file(0, 10, 5), file(0, 20, 9), file(0, 20, 3));
        assert_eq!(superseded(&[a, cut], &whole(&[both], &[a, cut])), []);
    }
}
