//! Files that go up in several parts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::s3_server::S3Server;
use leadsman_tests::wait::{PATIENCE, until};

use super::{start, stop};

const MIB: usize = 1 << 20;

/// Puts a file of a long-gone day into an archive that has been opened before. What is in it only
/// looks like Parquet.
fn plant(archive: &Path, n_bytes: usize) -> Result<PathBuf> {
    let writer = fs::read_to_string(archive.join(".writer"))?;
    let day = PathBuf::from("metric_exemplars/date=2026-01-02");
    let name = day.join(format!("{}-0-1.parquet", writer.trim()));
    let mut bytes: Vec<u8> = (0..n_bytes as u32 / 4).flat_map(u32::to_le_bytes).collect();
    let n_bytes = bytes.len();
    bytes[..4].copy_from_slice(b"PAR1");
    bytes[n_bytes - 8..].copy_from_slice(b"\x10\0\0\0PAR1");
    fs::create_dir_all(archive.join(day))?;
    fs::write(archive.join(&name), bytes)?;
    Ok(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_two_parts_of_a_file_it_sends_all_of_it_at_the_next_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let server = S3Server::start(folder.path()).await?;
    let section = S3Server::section(server.address, "p");
    let mut leadsman = start(folder.path(), &target, &section).await?;
    stop(&mut leadsman)?;
    let archive = leadsman.data.join("archive");
    let name = plant(&archive, 20 * MIB)?;
    let key = format!("p/{}", name.display());
    let size = |objects: Vec<(String, u64)>| {
        let mut objects = objects.into_iter();
        objects
            .find(|(there, _)| *there == key)
            .map(|(_, size)| size)
    };

    let slow = section.replace("interval: 1s", "interval: 1s, max_bandwidth: 8MiB");
    let mut leadsman = start(folder.path(), &target, &slow).await?;
    until("a part to be under way", PATIENCE, || async {
        let told = server.process.output();
        ensure!(told.contains("partNumber=1"), "none");
        Ok(())
    })
    .await?;
    leadsman.process.kill()?;
    ensure!(
        size(server.objects().await?).is_none(),
        "it is there in part"
    );

    let mut leadsman = start(folder.path(), &target, &section).await?;
    until("the file to be there", PATIENCE, || async {
        size(server.objects().await?).context("it is not there")
    })
    .await?;
    stop(&mut leadsman)?;
    let copy = folder.path().join("copy");
    server.download("p", &copy).await?;
    assert!(fs::read(copy.join(&name))? == fs::read(archive.join(&name))?);
    Ok(())
}
