//! What is deployed, in the eyes of those who read it: the stack and its configurations, the image, the
//! unit. There is no container runtime here: nothing is started.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leadsman_tests::leadsman::{binary, command};
use leadsman_tests::tools;

fn folder() -> PathBuf {
    tools::tests_folder().join("../deploy")
}

#[test]
fn the_stack_is_one_of_compose_and_mounts_what_there_is() -> Result<()> {
    let told = tools::python("compose.py", [folder().join("compose")])?;
    ensure!(told.ends_with("compose is good\n"), "{told}");
    Ok(())
}

#[test]
fn the_configurations_of_the_stack_are_read_by_their_programs() -> Result<()> {
    let compose = folder().join("compose");
    tools::run(command(["check"])?.arg(compose.join("leadsman.yml")))?;
    // As they are mounted: beside each other.
    let mounted = tempfile::tempdir()?;
    let rules = "leadsman.rules.yaml";
    let dashboards = tools::tests_folder().join("../dashboards/prometheus");
    fs::copy(dashboards.join(rules), mounted.path().join(rules))?;
    let prometheus = mounted.path().join("prometheus.yml");
    fs::copy(compose.join("prometheus.yml"), &prometheus)?;
    let said = tools::run(
        Command::new("promtool")
            .args(["check", "config"])
            .arg(prometheus),
    )?;
    ensure!(said.contains("1 rule files found"), "{said}");
    let alertmanager = compose.join("alertmanager.yml");
    tools::run(Command::new("amtool").arg("check-config").arg(alertmanager))?;
    Ok(())
}

/// The unit with paths of this machine.
#[test]
fn systemd_reads_the_unit() -> Result<()> {
    let folder_of_unit = tempfile::tempdir()?;
    let unit = fs::read_to_string(folder().join("leadsman.service"))?;
    let program = binary()?;
    let here = unit
        .replace("/usr/local/bin/leadsman", &program.display().to_string())
        .replace("Documentation=man:leadsman(1)\n", "");
    let path = folder_of_unit.path().join("leadsman.service");
    fs::write(&path, here)?;
    let mut verify = Command::new("systemd-analyze");
    let output = tools::output(verify.args(["verify", "--man=no"]).arg(&path))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Of units of this machine there may be something to say.
    let of_ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("leadsman"))
        .collect();
    ensure!(of_ours.is_empty(), "{of_ours:#?}");
    Ok(())
}

/// The last stage has no compiler and is not root, and what is built is built as it is locked.
#[test]
fn the_image_is_small_and_not_root() -> Result<()> {
    let text = fs::read_to_string(folder().join("Dockerfile"))?;
    let joined = text.replace("\\\n", " ");
    let steps: Vec<(&str, &str)> = joined
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split_once(' ')
                .with_context(|| format!("no step: {line}"))
        })
        .collect::<Result<_>>()?;
    let stages: Vec<usize> = (0..steps.len())
        .filter(|&idx| steps[idx].0 == "FROM")
        .collect();
    ensure!(
        stages.len() == 2 && stages[0] == 0,
        "{} stages",
        stages.len()
    );
    let (build, image) = steps.split_at(stages[1]);
    ensure!(image[0].1 == "debian:bookworm-slim", "{}", image[0].1);
    ensure!(
        build.iter().any(|(_, rest)| rest.contains("--locked")),
        "built unlocked"
    );
    let known = [
        "FROM",
        "RUN",
        "COPY",
        "USER",
        "WORKDIR",
        "VOLUME",
        "EXPOSE",
        "ENTRYPOINT",
    ];
    for (step, rest) in image {
        ensure!(known.contains(step), "{step} {rest}");
    }
    let user = image.iter().rfind(|(step, _)| *step == "USER");
    let (user, _) = user
        .context("no user")?
        .1
        .split_once(':')
        .context("no group")?;
    ensure!(user.parse::<u32>()? > 0, "root");
    Ok(())
}
