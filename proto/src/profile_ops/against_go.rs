//! Generated profiles through `go tool pprof`, which `tests/setup.sh` installs: what it merges, and
//! the table it shows, are ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::strategies::profile_with;
use super::{Canonical, canonical, merge, top};
use crate::pprof::{decode, encode};
use crate::profile::{MappingId, Profile};

fn go_pprof(arguments: &[&str], files: &[PathBuf]) -> Vec<u8> {
    let mut command = Command::new("go");
    command.args(["tool", "pprof", "-symbolize=none"]);
    let output = command.args(arguments).args(files).output();
    let output = output.expect("go is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output.stdout
}

fn written(folder: &Path, name: &str, profile: &Profile) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, encode(profile)).unwrap();
    path
}

fn files_of(folder: &Path, profiles: &[Profile]) -> Vec<PathBuf> {
    let named = profiles.iter().enumerate();
    named
        .map(|(idx, profile)| written(folder, &format!("{idx}.pb"), profile))
        .collect()
}

fn go_merged(folder: &Path, files: &[PathBuf]) -> Canonical {
    let path = folder.join("go.pb.gz");
    let output = format!("-output={}", path.display());
    go_pprof(&["-proto", &output], files);
    let bytes = crate::compress::decompress(&std::fs::read(path).unwrap(), 1 << 20)
        .unwrap()
        .into_owned();
    canonical(&decode(&bytes).unwrap())
}

/// What `-top` shows: the sample type, and each function with its flat and cumulative value.
type Table = (String, Vec<(String, i64, i64)>);

fn go_top(arguments: &[&str], files: &[PathBuf]) -> Table {
    let all = ["-top", "-nodecount=0", "-nodefraction=0", "-unit=B"];
    let shown = go_pprof(&[&all, arguments].concat(), files);
    let shown = String::from_utf8(shown).unwrap();
    let kind = shown.lines().find_map(|line| line.strip_prefix("Type: "));
    let mut rows: Vec<_> = shown.lines().filter_map(top_row).collect();
    rows.sort();
    (kind.unwrap_or_default().to_owned(), rows)
}

/// `  528394B 12.83% 12.83%   528394B 12.83%  runtime.malg (inline)`.
fn top_row(line: &str) -> Option<(String, i64, i64)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let number = |word: &str| word.strip_suffix('B').unwrap_or(word).parse().ok();
    let (flat, cum, name) = (
        number(words.first()?)?,
        number(words.get(3)?)?,
        words.get(5)?,
    );
    Some(((*name).to_owned(), flat, cum))
}

fn our_top(profile: &Profile, type_idx: usize) -> Table {
    let kind = profile.sample_types[type_idx].kind;
    let rows = top(profile, type_idx, usize::MAX);
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|row| (row.function, row.flat, row.cum))
        .collect();
    rows.sort();
    (profile.strings.get(kind).to_owned(), rows)
}

/// Profiles that go has no ways of its own with: `-proto` leaves samples without frames out, though
/// its total counts them; an address without a binary is called `<unknown>`, whatever it is; and no
/// time is the earliest time, unless it comes first.
fn plain_profile() -> impl Strategy<Value = Profile> {
    profile_with(1..5).prop_map(|mut profile| {
        for location in &mut profile.locations {
            location.mapping = location.mapping.or(Some(MappingId(0)));
        }
        profile.time_nanos += 1;
        profile
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) })]

    #[test]
    fn go_makes_the_same_of_generated_profiles(profiles in prop::collection::vec(plain_profile(), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let files = files_of(folder.path(), &profiles);
        let ours = merge(&profiles).unwrap();
        prop_assert_eq!(canonical(&ours), go_merged(folder.path(), &files));
        let shown = our_top(&ours, ours.default_type_idx());
        prop_assert_eq!(shown, go_top(&[], &files));
        prop_assert_eq!(our_top(&ours, 0), go_top(&["-sample_index=0"], &files));
    }
    #[test]
    fn go_drops_the_same_frames_of_our_merge(mut profiles in prop::collection::vec(plain_profile(), 1..4)) {
        for profile in &mut profiles {
            profile.drop_frames = profile.strings.push("function[12]");
        }
        let folder = tempfile::tempdir().unwrap();
        let files = files_of(folder.path(), &profiles);
        let ours = written(folder.path(), "ours.pb", &merge(&profiles).unwrap());
        let (go, ours) = (go_merged(folder.path(), &files), go_merged(folder.path(), &[ours]));
        prop_assert_eq!(ours, go);
    }
}
