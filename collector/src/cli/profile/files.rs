//! Reading one profile from a file, whatever it is written in.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use proto::profile::Profile;
use proto::profile_ops::Merger;
use proto::{UnixNanos, compress, folded, goroutine, pprof};

use super::progress::Progress;

/// A profile larger than this is a mistake: Go's largest are some tens of MB.
const MAX_BYTES: usize = 1 << 30;

/// What errors call the file.
pub(super) fn display(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads a profile: pprof, folded stacks or a goroutine dump, gzip'd, zstd'd or plain.
pub(super) fn read(path: &Path) -> anyhow::Result<Profile> {
    let name = display(path);
    let bytes = read_bytes(path).with_context(|| format!("failed to read {name}"))?;
    let body = compress::decompress(&bytes, MAX_BYTES)
        .with_context(|| format!("failed to decompress {name}"))?;
    parse(&body).with_context(|| format!("failed to read {name} as a profile"))
}

/// Reads profiles and merges them.
pub(super) fn read_merged(paths: &[PathBuf]) -> anyhow::Result<Profile> {
    let (mut merger, mut progress) = (Merger::new(), Progress::default());
    for path in paths {
        let name = display(path);
        let profile = read(path)?;
        merger
            .add(&profile)
            .with_context(|| format!("failed to merge {name} with the others"))?;
        progress.advance("files read");
    }
    Ok(merger.finish()?)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let source: Box<dyn Read> = if is_stdin(path) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path)?)
    };
    let mut bytes = Vec::new();
    source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        bail!("more than {MAX_BYTES} bytes");
    }
    Ok(bytes)
}

fn parse(body: &[u8]) -> anyhow::Result<Profile> {
    let error = match pprof::decode(body) {
        Ok(profile) => return Ok(profile),
        Err(error) => error,
    };
    if body.starts_with(b"goroutine ") {
        // The dump does not say when it was taken.
        return Ok(goroutine::parse(body)?.to_profile(UnixNanos(0)));
    }
    // Text that is not of a kind the pprof decoder knows by its first line may be folded stacks.
    if matches!(error, pprof::PprofError::Text { .. }) || !is_text(body) {
        return Err(error.into());
    }
    folded::parse(body).context("it is text, but not folded stacks")
}

/// Whether the beginning has no control characters but those of text.
fn is_text(body: &[u8]) -> bool {
    let is_plain = |byte: &u8| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t');
    !body.is_empty() && body.iter().take(4096).all(is_plain)
}
