//! The CPU profile of this process: a timer's signal, 99 times a second of CPU time.

use std::time::Duration;

use exporter::web::SelfProfileError;
use pprof::{ProfilerGuard, ProfilerGuardBuilder, UnresolvedReport};
use proto::profile::{Profile, ProfileBuilder, ValueType};

use super::symbols::Symbolizer;
use super::{failed, maps, unix_nanos};

/// Samples a second. Not 100, so as not to march in step with timers.
const HZ: i32 = 99;

/// No sample is taken inside of these: unwinding may need a lock that the interrupted code holds.
const BLOCKED_LIBRARIES: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

/// Profiles for `duration`; dropping the future ends it early.
pub(super) async fn profile(duration: Duration) -> Result<Profile, SelfProfileError> {
    let started = unix_nanos();
    let guard = start()?;
    tokio::time::sleep(duration).await;
    let build = move || {
        let report = guard.report().build_unresolved().map_err(failed)?;
        drop(guard);
        build(&report, started, duration)
    };
    tokio::task::spawn_blocking(build).await.map_err(failed)?
}

fn start() -> Result<ProfilerGuard<'static>, SelfProfileError> {
    let builder = ProfilerGuardBuilder::default()
        .frequency(HZ)
        .blocklist(&BLOCKED_LIBRARIES);
    builder.build().map_err(|error| match error {
        pprof::Error::Running => SelfProfileError::Busy,
        error => failed(error),
    })
}

fn build(
    report: &UnresolvedReport,
    started: i64,
    duration: Duration,
) -> Result<Profile, SelfProfileError> {
    let maps = std::fs::read_to_string("/proc/self/maps").map_err(failed)?;
    let mut symbolizer = Symbolizer::new(maps::parse(&maps));
    let mut builder = ProfileBuilder::new();
    describe(&mut builder, started, duration);
    let period = builder.profile().period;
    for (frames, count) in &report.data {
        let addresses = frames.frames.iter().map(|frame| frame.ip() as usize as u64);
        let locations: Vec<_> = addresses
            .map(|address| symbolizer.location(&mut builder, address))
            .collect();
        let stack_id = builder.stack(&locations);
        let count = *count as i64;
        builder.add_sample(
            stack_id,
            Default::default(),
            &[count, count.saturating_mul(period)],
        );
    }
    Ok(builder.finish())
}

fn describe(builder: &mut ProfileBuilder, started: i64, duration: Duration) {
    let samples = ValueType {
        kind: builder.string("samples"),
        unit: builder.string("count"),
    };
    let cpu = ValueType {
        kind: builder.string("cpu"),
        unit: builder.string("nanoseconds"),
    };
    let profile = builder.profile_mut();
    profile.sample_types = vec![samples, cpu];
    profile.default_sample_type = Some(1);
    profile.period_type = cpu;
    profile.period = 1_000_000_000 / i64::from(HZ);
    profile.time_nanos = started;
    profile.duration_nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
}
