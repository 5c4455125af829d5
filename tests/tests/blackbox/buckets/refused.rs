//! A bucket that does not let leadsman in: what it says, and what it keeps to itself.

use anyhow::Result;
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::s3_server::S3Server;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};

use super::{start, stop};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_with_their_remedy_and_without_the_secret() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let server = S3Server::that_checks_keys(folder.path()).await?;
    let section = S3Server::section(server.address, "p");
    let mut leadsman = start(folder.path(), &target, &section).await?;
    until("passes to fail", PATIENCE, || async {
        let metric = "leadsman_object_store_failed_passes_total";
        let n_failed = leadsman.sum("/metrics", metric).await?;
        anyhow::ensure!(n_failed >= 2.0, "{n_failed}");
        Ok(())
    })
    .await?;
    stop(&mut leadsman)?;
    let said = leadsman.process.output();
    assert!(said.contains("InvalidAccessKeyId"), "{said}");
    let remedy = "check archive.object_store.access_key_id";
    assert_eq!(said.matches(remedy).count(), 1, "{said}");

    let url = S3Server::bucket("p");
    let mut reader = server.reader(
        ["series", "up", "--archive", &url],
        &folder.path().join("c"),
    )?;
    let output = tools::output(&mut reader)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("check the credentials in the environment"),
        "{said}"
    );
    assert!(!said.contains("planted-secret"), "{said}");
    Ok(())
}
