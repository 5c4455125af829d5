//! speedscope's own file format
//! (<https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources>).

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Value, json};

use crate::profile::{Profile, StackId};

/// The units speedscope knows, in the words pprof has for them.
const UNITS: [&str; 5] = [
    "nanoseconds",
    "microseconds",
    "milliseconds",
    "seconds",
    "bytes",
];

/// Writes a profile as a speedscope file: one `sampled` profile for each sample type, shown in
/// the order of the samples. Samples whose value is not above zero are left out.
pub fn write(profile: &Profile) -> Value {
    let mut frames = FrameTable {
        rows: Vec::new(),
        row_of_frame: HashMap::new(),
    };
    let stacks: Vec<Vec<usize>> = (0..profile.stacks.len() as u32)
        .map(|idx| frames.stack(profile, StackId(idx)))
        .collect();
    let types = 0..profile.sample_types.len();
    let profiles: Vec<Value> = types.map(|idx| sampled(profile, idx, &stacks)).collect();
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("leadsman ", env!("CARGO_PKG_VERSION")),
        "activeProfileIndex": profile.default_type_idx(),
        "shared": {"frames": frames.rows},
        "profiles": profiles,
    })
}

/// One sample type.
fn sampled(profile: &Profile, type_idx: usize, stacks: &[Vec<usize>]) -> Value {
    let value_type = profile
        .sample_types
        .get(type_idx)
        .copied()
        .unwrap_or_default();
    let unit = profile.strings.get(value_type.unit);
    let mut samples = Vec::new();
    let mut weights = Vec::new();
    for (stack, _, values) in profile.samples() {
        let weight = values.get(type_idx).copied().unwrap_or(0);
        if let Some(stack) = stacks.get(stack.0 as usize).filter(|_| weight > 0) {
            samples.push(stack);
            weights.push(weight);
        }
    }
    let total = weights
        .iter()
        .fold(0, |sum: i64, weight| sum.saturating_add(*weight));
    json!({
        "type": "sampled",
        "name": profile.strings.get(value_type.kind),
        "unit": if UNITS.contains(&unit) { unit } else { "none" },
        "startValue": 0,
        "endValue": total,
        "samples": samples,
        "weights": weights,
    })
}

struct FrameTable<'a> {
    rows: Vec<Value>,
    row_of_frame: HashMap<(Cow<'a, str>, &'a str), usize>,
}

impl<'a> FrameTable<'a> {
    /// The rows of a stack's frames, root first.
    fn stack(&mut self, profile: &'a Profile, stack: StackId) -> Vec<usize> {
        let frames = profile.frames(stack).rev();
        let row_idxs = frames.map(|frame| {
            *self
                .row_of_frame
                .entry((frame.name, frame.file))
                .or_insert_with_key(|(name, file)| {
                    let mut row = json!({"name": name});
                    if !file.is_empty() {
                        row["file"] = json!(file);
                    }
                    self.rows.push(row);
                    self.rows.len() - 1
                })
        });
        row_idxs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile_ops::strategies::sample_profile;

    #[test]
    fn each_sample_type_is_a_profile_over_shared_frames() {
        let types = [("samples", "count"), ("cpu", "nanoseconds")];
        let samples: [(&str, &[i64]); 2] = [("main;f", &[1, 10]), ("main", &[0, 5])];
        let file = write(&sample_profile(&types, &samples));
        assert_eq!(
            file["shared"]["frames"],
            json!([{"name": "main"}, {"name": "f"}])
        );
        assert_eq!(file["activeProfileIndex"], 1);
        let expected = json!({
            "type": "sampled", "name": "cpu", "unit": "nanoseconds",
            "startValue": 0, "endValue": 15, "samples": [[0, 1], [0]], "weights": [10, 5],
        });
        assert_eq!(file["profiles"][1], expected);
        assert_eq!(file["profiles"][0]["weights"], json!([1]));
        assert_eq!(file["profiles"][0]["unit"], "none");
    }
}
