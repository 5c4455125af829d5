//! What values of a type are, by their names: amounts that add up over time, or states.

use super::delta::is_cumulative_type;

/// What the values of a type of profile are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// What happened in a time, such as `cpu`: profiles of two times add up.
    Amount,
    /// What counts from the start of a process on, such as `alloc_space`, until it is turned into
    /// what came since the profile before.
    Cumulative,
    /// What there was at a moment, such as `inuse_space` or goroutines: profiles of two times are
    /// averaged.
    State,
}

/// Kinds of which every type is a state.
const STATES: [&str; 3] = ["goroutine", "goroutine_dump", "threadcreate"];
/// How the names of types begin that are states in profiles of other kinds.
const STATE_TYPES: [&str; 2] = ["inuse", "live"];

/// What the values of a sample type are in a profile of a kind.
pub fn measure(kind: &str, sample_type: &str) -> Measure {
    if is_cumulative_type(sample_type) {
        Measure::Cumulative
    } else if STATES.contains(&kind)
        || STATE_TYPES
            .iter()
            .any(|start| sample_type.starts_with(start))
    {
        Measure::State
    } else {
        Measure::Amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_their_names() {
        assert_eq!(measure("process_cpu", "cpu"), Measure::Amount);
        assert_eq!(measure("memory", "alloc_space"), Measure::Cumulative);
        assert_eq!(measure("mutex", "delay"), Measure::Cumulative);
        assert_eq!(measure("memory", "inuse_objects"), Measure::State);
        assert_eq!(measure("goroutine_dump", "goroutines"), Measure::State);
        assert_eq!(measure("fgprof", "time"), Measure::Amount);
    }
}
