//! Simulated profiles: recorded ones whose values move.

use std::sync::Arc;

use proto::profile::{Profile, StackId, StrId};
use proto::{ProfileRecord, Target, UnixMillis, UnixNanos};

use super::life::Life;
use super::program::Recorded;
use super::random::Random;

/// How long a CPU profile measures.
const CPU_NANOS: i64 = 10_000_000_000;
/// Value types that count what happened since the capture before.
const COUNTED: [&str; 4] = ["alloc_objects", "alloc_space", "contentions", "delay"];
/// How much dearer the upgrade makes the stack that is second in a CPU profile.
const DEARER: f64 = 2.5;
/// How much more one stack of the heap holds when a whole leak has gathered, as a multiple of
/// the whole heap.
const LEAK: f64 = 3.0;
/// How many times as busy as when it was recorded a target is when its load is 1.
const CPU_SCALE: f64 = 3.0;
/// How fast values that count were recorded, as a time they took. Seconds.
const RECORDED_SECONDS: f64 = 30.0;
/// Fewest of something that is always there, such as a goroutine, that may vary.
const FEW: f64 = 4.0;

/// A kind of profile of one target.
#[derive(Debug)]
pub(super) struct SimCaptures {
    kind: String,
    recorded: Profile,
    /// Stacks by what they hold of the type that is shown first, the most first.
    order: Vec<StackId>,
    last: Option<UnixMillis>,
}

/// What a target is like when a profile is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) time: UnixMillis,
    pub(super) load: f64,
    pub(super) life: &'a Life,
}

/// How one value type of a kind moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moves {
    /// CPU samples, in multiples of the period.
    Sampled,
    /// Counts since the capture before.
    Counted,
    /// A state that is there at a time.
    State,
}

impl SimCaptures {
    pub(super) fn new(recorded: &Recorded) -> Self {
        let profile = recorded.profile.clone();
        let type_idx = profile.default_type_idx();
        let mut weights = vec![0_i64; profile.stacks.len()];
        for (stack, _, values) in profile.samples() {
            if let (Some(weight), Some(value)) =
                (weights.get_mut(stack.0 as usize), values.get(type_idx))
            {
                *weight = weight.saturating_add(*value);
            }
        }
        let mut order: Vec<u32> = (0..profile.stacks.len() as u32).collect();
        order.sort_by_key(|stack| std::cmp::Reverse(weights[*stack as usize]));
        Self {
            kind: recorded.kind.clone(),
            recorded: profile,
            order: order.into_iter().map(StackId).collect(),
            last: None,
        }
    }

    /// The capture at a moment.
    pub(super) fn take(
        &mut self,
        target: &Arc<Target>,
        moment: Moment<'_>,
        random: &mut Random,
    ) -> ProfileRecord {
        let before = self.last.replace(moment.time);
        let is_cpu = self.kind == "process_cpu";
        let types = self.moves(is_cpu);
        let has_counts = types.contains(&Moves::Counted);
        let since = before.map_or(RECORDED_SECONDS, |before| {
            (moment.time.0 - before.0) as f64 / 1e3
        });
        let mut profile = self.recorded.clone();
        profile.time_nanos = UnixNanos::from(moment.time).0;
        profile.duration_nanos = match (is_cpu, has_counts) {
            (true, _) => CPU_NANOS,
            (false, true) => (since * 1e9) as i64,
            (false, false) => 0,
        };
        self.fill(&mut profile, &types, moment, since, random);
        ProfileRecord {
            target: Arc::clone(target),
            kind: self.kind.clone(),
            is_delta: is_cpu || has_counts,
            profile,
        }
    }

    fn moves(&self, is_cpu: bool) -> Vec<Moves> {
        let strings = &self.recorded.strings;
        let of = |kind: StrId| match strings.get(kind) {
            _ if is_cpu => Moves::Sampled,
            name if COUNTED.contains(&name) => Moves::Counted,
            _ => Moves::State,
        };
        self.recorded
            .sample_types
            .iter()
            .map(|value_type| of(value_type.kind))
            .collect()
    }

    /// Puts in samples with values of their own; a stack without any is left out.
    fn fill(
        &self,
        profile: &mut Profile,
        types: &[Moves],
        moment: Moment<'_>,
        since: f64,
        random: &mut Random,
    ) {
        profile.sample_stacks.clear();
        profile.sample_labels.clear();
        profile.values.clear();
        let mut values = Vec::with_capacity(types.len());
        let leaked = moment.life.leaked(moment.time);
        for (stack, labels, recorded) in self.recorded.samples() {
            // The types of a sample go together: objects and their bytes.
            let noise = 1.0 + 0.1 * random.noise();
            let (round, dearer) = (random.uniform(), self.dearer(stack, moment));
            let leak = if self.order.first() == Some(&stack) {
                leaked
            } else {
                0.0
            };
            let counted = noise * moment.load * since / RECORDED_SECONDS;
            values.clear();
            values.extend(
                types
                    .iter()
                    .zip(recorded)
                    .map(|(moves, &value)| match moves {
                        Moves::Sampled => sampled(
                            value,
                            recorded,
                            CPU_SCALE * noise * moment.load * dearer,
                            round,
                        ),
                        Moves::Counted => scaled(value, counted, round),
                        Moves::State => state(
                            value,
                            noise * (1.0 + 0.3 * (moment.load - 1.0)),
                            round,
                            leak * self.leak_factor(),
                        ),
                    }),
            );
            if values.iter().any(|value| *value != 0) {
                profile.sample_stacks.push(stack);
                profile.sample_labels.push(labels);
                profile.values.extend(&values);
            }
        }
    }

    fn dearer(&self, stack: StackId, moment: Moment<'_>) -> f64 {
        let is_second = self.order.get(1) == Some(&stack);
        if is_second && moment.time >= moment.life.upgraded {
            DEARER
        } else {
            1.0
        }
    }

    /// What a whole leak adds to the first stack, as a multiple of what that has.
    fn leak_factor(&self) -> f64 {
        let type_idx = self.recorded.default_type_idx();
        let first = self.order.first();
        let of_first = self
            .recorded
            .samples()
            .filter(|(stack, ..)| first == Some(stack));
        let of_first: i64 = of_first
            .filter_map(|(_, _, values)| values.get(type_idx))
            .sum();
        LEAK * self.recorded.total(type_idx) as f64 / of_first.max(1) as f64
    }
}

/// Samples of a profiler: their number is whole, and the second type is that number times the
/// period, so both come from the same draw.
fn sampled(value: i64, recorded: &[i64], factor: f64, round: f64) -> i64 {
    let n = recorded.first().copied().unwrap_or(1).max(1);
    let each = value / n;
    each.saturating_mul((n as f64 * factor + round).floor() as i64)
}

fn scaled(value: i64, factor: f64, round: f64) -> i64 {
    (value as f64 * factor + round).floor() as i64
}

/// A single goroutine or object is there or not; many vary.
fn state(value: i64, factor: f64, round: f64, leak: f64) -> i64 {
    let value = value as f64;
    let moved = if value < FEW { value } else { value * factor };
    (moved + value * leak + round * f64::from(u8::from(value >= FEW))).floor() as i64
}
