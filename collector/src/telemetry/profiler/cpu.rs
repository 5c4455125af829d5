//! The CPU profile of this process: stacks at a timer's signal, 99 times a second of CPU time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use exporter::web::SelfProfileError;
use proto::profile::{Function, Line, Location, LocationId, Profile, ProfileBuilder, ValueType};

use super::signal::{SAMPLES, Sampling};
use super::symbols::Symbolizer;
use super::{failed, maps, unix_nanos};

/// Samples a second. Not 100, so as not to march in step with other timers.
const HZ: u32 = 99;

/// How often the samples are collected from the handler's buffer.
const COLLECT_INTERVAL: Duration = Duration::from_millis(200);

/// Different stacks kept; what comes after is counted as lost.
const MAX_STACKS: usize = 100_000;

/// Name of the function that lost samples are shown under, so that the total stays right.
const LOST: &str = "[lost]";

/// How often each stack was seen.
#[derive(Debug, Default)]
struct Counts {
    stacks: HashMap<Box<[u64]>, i64>,
    n_lost: u64,
}

/// Profiles for `duration`; dropping the future ends it early.
pub(super) async fn profile(duration: Duration) -> Result<Profile, SelfProfileError> {
    let started = (Instant::now(), unix_nanos());
    let sampling = Sampling::start(HZ, &maps::of_this_process().map_err(failed)?);
    let Some(sampling) = sampling.map_err(failed)? else {
        return Err(SelfProfileError::Busy);
    };
    let mut counts = Counts::default();
    while let Some(left) = duration
        .checked_sub(started.0.elapsed())
        .filter(|left| !left.is_zero())
    {
        tokio::time::sleep(left.min(COLLECT_INTERVAL)).await;
        counts.collect();
    }
    drop(sampling);
    while !counts.collect() {
        tokio::task::yield_now().await;
    }
    counts.n_lost += SAMPLES.take_lost();
    let took = started.0.elapsed();
    let build = move || counts.into_profile(started.1, took);
    tokio::task::spawn_blocking(build).await.map_err(failed)?
}

impl Counts {
    /// Collects what is in the buffer; `false` if a handler had it.
    fn collect(&mut self) -> bool {
        SAMPLES.drain(|stack| {
            let has_room = self.stacks.len() < MAX_STACKS;
            match self.stacks.get_mut(stack) {
                Some(count) => *count += 1,
                None if has_room => {
                    self.stacks.insert(stack.into(), 1);
                }
                None => self.n_lost += 1,
            }
        })
    }

    fn into_profile(self, started: i64, took: Duration) -> Result<Profile, SelfProfileError> {
        let mut symbolizer = Symbolizer::new(maps::of_this_process().map_err(failed)?);
        let mut builder = ProfileBuilder::new();
        describe(&mut builder, started, took);
        for (stack, count) in &self.stacks {
            let addresses = stack.iter();
            let locations: Vec<_> = addresses
                .map(|address| symbolizer.location(&mut builder, *address))
                .collect();
            add(&mut builder, &locations, *count);
        }
        if self.n_lost > 0 {
            let location = lost_location(&mut builder);
            add(
                &mut builder,
                &[location],
                i64::try_from(self.n_lost).unwrap_or(i64::MAX),
            );
        }
        Ok(builder.finish())
    }
}

fn add(builder: &mut ProfileBuilder, locations: &[LocationId], count: i64) {
    let stack = builder.stack(locations);
    let nanos = count.saturating_mul(builder.profile().period);
    builder.add_sample(stack, Default::default(), &[count, nanos]);
}

fn lost_location(builder: &mut ProfileBuilder) -> LocationId {
    let name = builder.string(LOST);
    let function = Function {
        name,
        system_name: name,
        ..Function::default()
    };
    let line = Line {
        function: builder.function(function),
        line: 0,
        column: 0,
    };
    builder.location(Location {
        lines: [line].into_iter().collect(),
        ..Location::default()
    })
}

fn describe(builder: &mut ProfileBuilder, started: i64, took: Duration) {
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
    profile.duration_nanos = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[inline(never)]
    fn spin_until(done: &AtomicBool) -> u64 {
        let mut state = 1u64;
        while !done.load(Ordering::Relaxed) {
            for _ in 0..1000 {
                state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005));
            }
        }
        state
    }

    /// Names of the functions of a sample, leaf first.
    fn names(profile: &Profile, sample_idx: usize) -> Vec<&str> {
        let stack = &profile.stacks[profile.sample_stacks[sample_idx].0 as usize];
        stack
            .iter()
            .flat_map(|location| &profile.locations[location.0 as usize].lines)
            .map(|line| &profile.functions[line.function.0 as usize])
            .map(|function| profile.strings.get(function.name))
            .collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_busy_function_is_seen_with_its_callers_and_one_profile_at_a_time() {
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        let busy = std::thread::spawn(move || spin_until(&flag));
        let (first, second) = tokio::join!(
            profile(Duration::from_millis(500)),
            profile(Duration::from_millis(10)),
        );
        done.store(true, Ordering::Relaxed);
        busy.join().unwrap();
        assert!(matches!(second, Err(SelfProfileError::Busy)));
        let profile = first.unwrap();
        let mut n_seen = 0;
        for (idx, (_, _, values)) in profile.samples().enumerate() {
            let names = names(&profile, idx);
            assert!(
                !names.iter().any(|name| name.contains("on_signal")),
                "{names:?}"
            );
            let position = names.iter().position(|name| name.contains("spin_until"));
            let is_whole = position.is_some_and(|position| position + 3 < names.len());
            n_seen += if is_whole { values[0] } else { 0 };
        }
        assert!(n_seen > 0, "{n_seen} of {}", profile.total(0));
        assert_eq!(profile.total(1), profile.total(0) * profile.period);
        Sampling::start(HZ, &[])
            .unwrap()
            .expect("the timer is free again");
    }
}
