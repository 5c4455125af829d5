//! How many events were sampled for a profile: what the noise of shares comes from.

use proto::profile::Profile;

/// Events behind the values of a sample type, about.
///
/// Profilers of the CPU count their samples in a type of its own. Go scales sampled allocations up,
/// by `1 / (1 - exp(-size / period))` for objects of one size (`scaleHeapSample` in
/// `runtime/pprof`): undone, it is how many were sampled. Of others it is the value in periods, or
/// the value itself.
pub(crate) fn n_events(profile: &Profile, type_idx: usize) -> f64 {
    let name = |idx: usize| {
        let sample_type = profile.sample_types.get(idx);
        sample_type.map_or("", |one| profile.strings.get(one.kind))
    };
    if name(type_idx) == "cpu"
        && let Some(samples) = profile.type_idx("samples")
    {
        return profile.total(samples) as f64;
    }
    if let Some(what) = name(type_idx).strip_suffix("_space")
        && let Some(objects) = profile.type_idx(&format!("{what}_objects"))
        && profile.period > 0
    {
        return sampled_objects(profile, objects, type_idx);
    }
    let unit = profile.sample_types.get(type_idx).map(|one| one.unit);
    let total = profile.total(type_idx) as f64;
    let is_in_periods = unit.is_some_and(|unit| {
        profile.strings.get(unit) == profile.strings.get(profile.period_type.unit)
    });
    match is_in_periods && profile.period > 0 {
        true => total / profile.period as f64,
        false => total,
    }
}

/// Of how many sampled objects the values are made.
fn sampled_objects(profile: &Profile, objects: usize, space: usize) -> f64 {
    let period = profile.period as f64;
    let sampled = profile.samples().map(|(_, _, values)| {
        let of = |idx: usize| values.get(idx).copied().unwrap_or(0).max(0) as f64;
        let (n_objects, n_bytes) = (of(objects), of(space));
        match n_objects > 0.0 {
            true => n_objects * -(-n_bytes / n_objects / period).exp_m1(),
            false => 0.0,
        }
    });
    sampled.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(body: &[u8]) -> Profile {
        let plain = proto::compress::decompress(body, 1 << 26).unwrap();
        proto::pprof::decode(&plain).unwrap()
    }

    #[test]
    fn samples_of_the_cpu_are_counted_by_the_profiler() {
        let profile = recorded(include_bytes!("../../../proto/testdata/etcd-cpu.pb.gz"));
        let cpu = profile.type_idx("cpu").unwrap();
        let n = n_events(&profile, cpu);
        let by_period = profile.total(cpu) as f64 / profile.period as f64;
        assert!(
            n > 0.0 && (n / by_period - 1.0).abs() < 0.01,
            "{n} {by_period}"
        );
    }

    #[test]
    fn sampled_allocations_are_what_the_runtime_scaled() {
        let profile = recorded(include_bytes!("../../../proto/testdata/etcd-heap-1.pb.gz"));
        let space = profile.type_idx("inuse_space").unwrap();
        let n = n_events(&profile, space);
        // Each sample is one object at least, and of most a whole number of them was sampled.
        let rows = profile.samples().filter(|(.., values)| values[space] > 0);
        let n_rows = rows.count() as f64;
        assert!(n >= 0.99 * n_rows, "{n} of {n_rows}");
        assert!((n - n.round()).abs() < 0.05 * n, "{n}");
        assert!(n < profile.total(space) as f64 / profile.period as f64 * 4.0);
    }
}
