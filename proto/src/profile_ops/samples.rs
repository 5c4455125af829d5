//! Samples chosen by their labels.

use crate::profile::{Profile, SampleLabel};
use crate::selector::{MatchOp, Matcher, Selector};

/// The same profile with those samples only whose labels match. As with series, a label that is not
/// there is the empty text; of a key that stands several times (pprof allows it) any value may match,
/// and none may where it must not. Numbers are texts with their unit, as [`Profile::label_text`] has
/// them.
pub fn samples_with(profile: Profile, selector: &Selector) -> Profile {
    if selector.matchers.is_empty() {
        return profile;
    }
    let sets = profile.label_sets.iter();
    let is_wanted: Vec<bool> = sets.map(|set| holds(&profile, set, selector)).collect();
    let n_types = profile.sample_types.len();
    let mut kept = Profile {
        sample_stacks: Vec::new(),
        sample_labels: Vec::new(),
        values: Vec::new(),
        ..profile
    };
    let samples = profile.sample_stacks.into_iter().zip(profile.sample_labels);
    let samples = samples.zip(profile.values.chunks_exact(n_types.max(1)));
    for ((stack, labels), values) in samples {
        if is_wanted
            .get(labels.0 as usize)
            .is_some_and(|wanted| *wanted)
        {
            kept.sample_stacks.push(stack);
            kept.sample_labels.push(labels);
            kept.values.extend_from_slice(values);
        }
    }
    kept
}

fn holds(profile: &Profile, set: &[SampleLabel], selector: &Selector) -> bool {
    let mut matchers = selector.matchers.iter();
    matchers.all(|matcher| matches(profile, set, matcher))
}

fn matches(profile: &Profile, set: &[SampleLabel], matcher: &Matcher) -> bool {
    let of_name = |label: &&SampleLabel| profile.strings.get(label.key) == matcher.name();
    let mut values = set.iter().filter(of_name).peekable();
    if values.peek().is_none() {
        return matcher.matches_value("");
    }
    let mut matched = values.map(|label| matcher.matches_value(&profile.label_text(label.value)));
    match matcher.op() {
        MatchOp::Equal | MatchOp::Regex => matched.any(|is_match| is_match),
        MatchOp::NotEqual | MatchOp::NotRegex => matched.all(|is_match| is_match),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{LabelValue, ProfileBuilder, ValueType};

    /// Samples of 1 (no labels), 10 (`state="select"`, `waits=2 minutes`), 100 (`state="running"`) and
    /// 1000 (both states).
    fn profile() -> Profile {
        let mut builder = ProfileBuilder::new();
        builder.profile_mut().sample_types = vec![ValueType::default(); 2];
        let [state, select, running, waits, minutes] =
            ["state", "select", "running", "waits", "minutes"].map(|text| builder.string(text));
        let of = |key, value| SampleLabel { key, value };
        let select = of(state, LabelValue::Str(select));
        let running = of(state, LabelValue::Str(running));
        let waits = of(waits, LabelValue::Num(2, minutes));
        let stack = builder.stack(&[]);
        let sets: [&[SampleLabel]; 4] = [&[], &[select, waits], &[running], &[select, running]];
        for (set, value) in sets.into_iter().zip([1, 10, 100, 1000]) {
            let labels = builder.label_set(set);
            builder.add_sample(stack, labels, &[value, -value]);
        }
        builder.finish()
    }

    #[track_caller]
    fn check(selector: &str, expected: i64) {
        let kept = samples_with(profile(), &selector.parse().unwrap());
        let sums = kept
            .samples()
            .fold([0, 0], |[first, second], (_, _, values)| {
                [first + values[0], second + values[1]]
            });
        assert_eq!(sums, [expected, -expected], "{selector}");
        assert_eq!(
            kept.samples().count(),
            kept.sample_labels.len(),
            "{selector}"
        );
    }

    #[test]
    fn samples_match_as_series_do() {
        check("{}", 1111);
        check(r#"{state="select"}"#, 1010);
        check(r#"{state!="select"}"#, 101);
        check(r#"{state=""}"#, 1);
        check(r#"{state=~".+"}"#, 1110);
        check(r#"{state!~"run.*"}"#, 11);
        check(r#"{state="select",state!="running"}"#, 10);
        check(r#"{waits="2 minutes"}"#, 10);
        check(r#"{other="x"}"#, 0);
    }
}
