//! What names one type of values over all profiles.

use std::fmt;
use std::str::FromStr;

/// A profile type id: `KIND:SAMPLE_TYPE:UNIT:PERIOD_TYPE:PERIOD_UNIT`, such as
/// `process_cpu:cpu:nanoseconds:cpu:nanoseconds`, in Pyroscope's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProfileTypeId {
    /// The kind of profile: `process_cpu`, `memory`, …
    pub kind: String,
    /// What is counted: `cpu`, `inuse_space`, …
    pub sample_type: String,
    /// In which unit.
    pub unit: String,
    /// What one period is; may be empty.
    pub period_type: String,
    /// In which unit; may be empty.
    pub period_unit: String,
}

/// Why a text is no profile type id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no profile type: expected KIND:SAMPLE_TYPE:UNIT:PERIOD_TYPE:PERIOD_UNIT, such as \
     process_cpu:cpu:nanoseconds:cpu:nanoseconds"
)]
pub struct ProfileTypeIdError {
    /// The text.
    pub text: String,
}

/// What older clients put behind the type of a profile that counts since the one before.
const DELTA: &str = "delta";

impl FromStr for ProfileTypeId {
    type Err = ProfileTypeIdError;

    fn from_str(text: &str) -> Result<Self, ProfileTypeIdError> {
        let parts: Vec<&str> = text.split(':').collect();
        let ([kind, sample_type, unit, period_type, period_unit]
        | [kind, sample_type, unit, period_type, period_unit, DELTA]) = parts.as_slice()
        else {
            return Err(ProfileTypeIdError {
                text: text.to_owned(),
            });
        };
        if kind.is_empty() || sample_type.is_empty() {
            return Err(ProfileTypeIdError {
                text: text.to_owned(),
            });
        }
        let own = |part: &&str| (*part).to_owned();
        Ok(Self {
            kind: own(kind),
            sample_type: own(sample_type),
            unit: own(unit),
            period_type: own(period_type),
            period_unit: own(period_unit),
        })
    }
}

impl fmt::Display for ProfileTypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            sample_type,
            unit,
            period_type,
            period_unit,
        } = self;
        write!(f, "{kind}:{sample_type}:{unit}:{period_type}:{period_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_has_five_parts_of_which_the_last_three_may_be_empty() {
        let parse = |text: &str| text.parse::<ProfileTypeId>().map(|id| id.to_string());
        let cpu = "process_cpu:cpu:nanoseconds:cpu:nanoseconds";
        assert_eq!(parse(cpu).as_deref(), Ok(cpu));
        assert_eq!(parse("wall:time:::").as_deref(), Ok("wall:time:::"));
        let delta = "memory:alloc_space:bytes:space:bytes:delta";
        assert_eq!(
            parse(delta).as_deref(),
            Ok("memory:alloc_space:bytes:space:bytes")
        );
        for wrong in ["", "cpu", "a:b:c:d", "a:b:c:d:e:f", ":b:c:d:e", "a::c:d:e"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{wrong:?} is no")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(parts in prop::collection::vec("[^:]{1,4}", 5)) {
            let text = parts.join(":");
            prop_assert_eq!(text.parse::<ProfileTypeId>().unwrap().to_string(), text);
        }

        #[test]
        fn nothing_panics(text in ".{0,40}") {
            let _ = text.parse::<ProfileTypeId>();
        }
    }
}
