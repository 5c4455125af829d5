//! Profiles that are odd or large: kept as they are, or refused with a reason, at a bounded cost.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use leadsman_tests::leadsman::command;
use leadsman_tests::pprof::{self, Message, profile};
use leadsman_tests::setting::setting;
use leadsman_tests::tools;
use leadsman_tests::wait::PATIENCE;
use serde_json::Value;

use super::served::Served;

/// What a byte of a profile may take, decoded and on its way to the archive. Bytes.
const MEMORY_A_BYTE: u64 = 24;
/// What any profile may take: what is freed is given back to the system some seconds later, and a
/// record that is larger than the log's tail is decoded by each of the log's readers. Bytes.
const OTHERWISE: u64 = 144 << 20;

/// The configuration of profiles of these formats, from `/0`, `/1` and so on.
fn profiling(formats: &[(&str, &str)]) -> String {
    let kinds = formats.iter().enumerate().map(|(idx, (kind, format))| {
        format!(
            "{kind}: {{enabled: true, interval: 1h, delta: off, path: /{idx}, format: {format}}}, "
        )
    });
    let kinds: String = kinds.collect();
    let off = ["process_cpu", "memory", "goroutine", "block", "mutex"]
        .map(|kind| format!("{kind}: {{enabled: false}}"))
        .join(", ");
    format!("metrics_enabled: false, profiling_config: {{pprof_config: {{{kinds}{off}}}}}")
}

fn state_of<'a>(target: &'a Value, kind: &str) -> Option<(&'a str, &'a str)> {
    let profiles = target["profiles"].as_array()?;
    let profile = profiles.iter().find(|profile| profile["kind"] == kind)?;
    Some((
        profile["state"].as_str()?,
        profile["reason"].as_str().unwrap_or_default(),
    ))
}

/// A body, and whether it is kept as a profile or why not.
struct Case {
    kind: &'static str,
    body: Message,
    refused: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    let base = pprof::of_one_function;
    let with_sample = |sample: Message| base().bytes(profile::SAMPLE, sample);
    let location = |id, function| {
        let line = Message::new().number(1, function);
        Message::new().number(1, id).bytes(4, line)
    };
    let kept = |kind, body| Case {
        kind,
        body,
        refused: None,
    };
    let refused = |kind, body, reason| Case {
        kind,
        body,
        refused: Some(reason),
    };
    let sample = || pprof::sample(&[1], 1);
    let second_location =
        |id, function| with_sample(sample()).bytes(profile::LOCATION, location(id, function));
    vec![
        kept("negative", with_sample(pprof::sample(&[1], -7))),
        kept("smallest", with_sample(pprof::sample(&[1], i64::MIN))),
        kept("recursion", with_sample(pprof::sample(&[1; 10_000], 3))),
        kept("no-stack", with_sample(pprof::sample(&[], 3))),
        kept(
            "unknown-field",
            with_sample(sample()).bytes(99, "x").number(98, 1),
        ),
        kept("sparse-id", second_location(i64::MAX, 1)),
        refused(
            "id-twice",
            second_location(1, 1),
            "location id 1 is zero or given twice",
        ),
        refused(
            "id-zero",
            second_location(0, 1),
            "location id 0 is zero or given twice",
        ),
        refused(
            "no-function",
            second_location(2, 9),
            "function 9 does not exist",
        ),
        refused(
            "no-location",
            with_sample(pprof::sample(&[2], 1)),
            "location 2 does not exist",
        ),
        refused(
            "two-values",
            with_sample(sample().number(2, 5)),
            "sample 0 has 2 values for 1 sample types",
        ),
        refused(
            "cut-short",
            with_sample(sample()).bytes(profile::SAMPLE, [0x0a]),
            "malformed",
        ),
        refused(
            "first-string",
            Message::new().bytes(profile::STRING, "x"),
            "first string is not empty",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_profile_is_kept_as_it_is_or_refused_with_a_reason() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cases = cases();
    let bodies = cases.iter().map(|case| case.body.as_ref().to_vec());
    let formats: Vec<_> = cases.iter().map(|case| (case.kind, "pprof")).collect();
    let mut target = Served::start(folder.path(), bodies.collect(), &profiling(&formats)).await?;
    for case in &cases {
        let (state, says) = match case.refused {
            None => ("ok", ""),
            Some(reason) => ("failed", reason),
        };
        let is_so = |status: &Value| {
            state_of(status, case.kind)
                .is_some_and(|(found, reason)| found == state && reason.contains(says))
        };
        target
            .wait(&format!("{}: {state}: {says}", case.kind), is_so)
            .await?;
    }
    ensure!(target.leadsman.process.stop(PATIENCE)?.success());
    for (kind, total) in [
        ("negative", -7),
        ("smallest", i64::MIN),
        ("recursion", 3),
        ("no-stack", 3),
    ] {
        let mut top = command([
            "profile",
            "top",
            "--job",
            "served",
            "--kind",
            kind,
            "--archive",
        ])?;
        let said = tools::run(top.arg(&target.leadsman.data))?;
        let head = said.lines().next().context("top is empty")?;
        assert!(head.ends_with(&format!("total {total}")), "{kind}: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_very_many_samples_is_kept_at_so_much_a_byte() -> Result<()> {
    let n_samples: usize = setting("LEADSMAN_SOAK_SAMPLES", 1_000_000)?;
    let mut body = pprof::of_one_function();
    let sample = pprof::sample(&[1], 1);
    (0..n_samples).for_each(|_| body.push(profile::SAMPLE, &sample));
    let n_bytes = body.as_ref().len() as u64;
    let folder = tempfile::tempdir()?;
    let bodies = vec![body.as_ref().to_vec()];
    let target = Served::start(folder.path(), bodies, &profiling(&[("many", "pprof")])).await?;
    target
        .wait("the profile", |status| {
            state_of(status, "many").is_some_and(|(state, _)| state == "ok")
        })
        .await?;
    target.wait_for_rows("profile_samples", 1).await?;
    let grown = target.grown()?;
    eprintln!("{n_samples} samples: {grown} bytes for {n_bytes}");
    assert!(
        grown < MEMORY_A_BYTE * n_bytes + OTHERWISE,
        "{grown} for {n_bytes}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_goroutines_are_taken_in_each_form() -> Result<()> {
    const N_GOROUTINES: usize = 100_000;
    let folder = tempfile::tempdir()?;
    let forms = [
        ("protobuf", "pprof"),
        ("grouped", "goroutine_debug1"),
        ("each", "goroutine_debug2"),
    ];
    let bodies = vec![
        goroutines_in_protobuf(N_GOROUTINES),
        goroutines_grouped(N_GOROUTINES),
        goroutines_each(N_GOROUTINES),
    ];
    let n_bytes: usize = bodies.iter().map(Vec::len).sum();
    let target = Served::start(folder.path(), bodies, &profiling(&forms)).await?;
    target
        .wait("all three", |status| {
            let is_ok = |kind| state_of(status, kind).is_some_and(|(state, _)| state == "ok");
            forms.iter().all(|(kind, _)| is_ok(*kind))
        })
        .await?;
    target
        .wait_for_rows("profile_samples", forms.len() * N_GOROUTINES)
        .await?;
    let (grown, n_bytes) = (target.grown()?, n_bytes as u64);
    eprintln!("3 times {N_GOROUTINES} goroutines: {grown} bytes for {n_bytes}");
    assert!(
        grown < MEMORY_A_BYTE * n_bytes + OTHERWISE,
        "{grown} for {n_bytes}"
    );
    Ok(())
}

/// Every goroutine on a stack of its own, as deep as usual.
fn goroutines_in_protobuf(n_goroutines: usize) -> Vec<u8> {
    let mut body = pprof::of_one_function();
    for id in 2..n_goroutines as i64 + 2 {
        let line = Message::new().number(1, 1).number(2, id);
        let location = Message::new().number(1, id).bytes(4, line);
        body.push(profile::LOCATION, location);
        body.push(
            profile::SAMPLE,
            pprof::sample(&[id, 1, 1, 1, 1, 1, 1, 1], 1),
        );
    }
    body.as_ref().to_vec()
}

fn goroutines_grouped(n_goroutines: usize) -> Vec<u8> {
    let mut text = format!("goroutine profile: total {n_goroutines}\n");
    for n in 0..n_goroutines {
        let _ = writeln!(text, "1 @ {:#x} 0x43f076 0x437917 0x4704c1", 0x50_0000 + n);
        let _ = writeln!(
            text,
            "#\t{:#x}\tmain.work+0x2b\t/src/main.go:{n}",
            0x50_0000 + n
        );
        text += "#\t0x43f075\tmain.serve+0x88\t/src/main.go:7\n\n";
    }
    text.into_bytes()
}

fn goroutines_each(n_goroutines: usize) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..n_goroutines {
        let _ = writeln!(text, "goroutine {n} [select, {} minutes]:", n % 500);
        let _ = writeln!(text, "main.work({n:#x}, 0x1)\n\t/src/main.go:{n} +0x2b");
        text += "main.serve()\n\t/src/main.go:7 +0x88\n";
        text += "created by main.start in goroutine 1\n\t/src/main.go:3 +0x1d\n\n";
    }
    text.into_bytes()
}
