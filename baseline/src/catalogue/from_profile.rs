//! How a signal is computed from a profile.

use std::fmt;

use super::Unit;
use super::check::is_name;

/// What of a target's profiles a signal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromProfile {
    /// Kind of the profiles, as configured: `process_cpu`, `memory`, `goroutine`, …
    pub kind: String,
    /// Which of their values counts: `cpu`, `alloc_space`, … A profile without it has no such signal.
    pub sample_type: String,
    /// What is told of it.
    pub measure: Measure,
}

/// What is told of the values of a profile. Values in nanoseconds are told in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Their sum: how much there was at a moment.
    Total,
    /// Their sum for each second that the profile covers.
    PerSecond,
    /// How many events were sampled for the shares of functions: what their noise comes from.
    Samples,
    /// The share of each function that matters, by itself.
    SelfShare,
    /// The share of each function that matters, with what it calls.
    TotalShare,
    /// Their sum for each state of goroutines.
    ByState,
    /// Their sum for each creator of goroutines.
    ByCreator,
}

impl Measure {
    /// Every measure by its name in the catalogue and the configuration.
    pub const ALL: [(&'static str, Self); 7] = [
        ("total", Self::Total),
        ("per_second", Self::PerSecond),
        ("samples", Self::Samples),
        ("self_share", Self::SelfShare),
        ("total_share", Self::TotalShare),
        ("by_state", Self::ByState),
        ("by_creator", Self::ByCreator),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, one)| *one == self)
            .map_or("", |(name, _)| name)
    }

    /// Units in which it can be.
    fn units(self) -> &'static [Unit] {
        match self {
            Self::Total => &[Unit::Bytes, Unit::Count, Unit::Seconds],
            // Seconds of waiting in a second are a number of those that wait.
            Self::PerSecond => &[
                Unit::Cores,
                Unit::Count,
                Unit::PerSecond,
                Unit::BytesPerSecond,
            ],
            Self::Samples | Self::ByState | Self::ByCreator => &[Unit::Count],
            Self::SelfShare | Self::TotalShare => &[Unit::Ratio],
        }
    }
}

impl FromProfile {
    /// Whether it has a series for each function.
    pub fn is_of_functions(&self) -> bool {
        matches!(self.measure, Measure::SelfShare | Measure::TotalShare)
    }

    /// Tells `found` what is wrong with it: the key, the problem, what is allowed.
    pub(super) fn check(
        &self,
        unit: Unit,
        mut found: impl FnMut(&'static str, String, &'static str),
    ) {
        if !is_name(&self.kind) {
            let problem = format!("{:?} is no kind of profile", self.kind);
            found("profile", problem, "process_cpu, memory, goroutine, …");
        }
        if !is_name(&self.sample_type) {
            let problem = format!("{:?} is no sample type", self.sample_type);
            found("profile", problem, "cpu, alloc_space, inuse_space, …");
        }
        if !self.measure.units().contains(&unit) {
            let problem = format!("{} in the unit {unit}", self.measure.as_str());
            let allowed =
                "ratio for shares, cores or …_per_second for per_second, else count or bytes";
            found("unit", problem, allowed);
        }
    }
}

/// As the catalogue writes it.
impl fmt::Display for FromProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            sample_type,
            measure,
        } = self;
        let measure = measure.as_str();
        write!(
            f,
            "profile: {{kind: {kind}, type: {sample_type}, measure: {measure}}}"
        )
    }
}
