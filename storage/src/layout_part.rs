//! What a layout weighs for whoever holds records for a while.

use proto::metrics::{Layout, Origin};
use proto::target::TargetId;

/// The first layout of a [`LayoutPart`] weighs so little of what it is: whoever makes its samples
/// holds it anyway, unless the target is gone.
pub(crate) const FIRST_LAYOUT_DIVISOR: usize = 32;

/// What of a target has one layout at a time, as a rule: its pages, and each part of its signals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LayoutPart {
    target: TargetId,
    origin: Origin,
    part: Box<str>,
}

impl LayoutPart {
    /// What a layout is of.
    pub(crate) fn of(layout: &Layout) -> Self {
        Self {
            target: layout.target.id(),
            origin: layout.origin(),
            part: layout.part().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto::metrics::{Family, SIGNAL_PREFIX, Series, SeriesId};
    use proto::{Labels, Target};

    use super::*;

    fn part(instance: &str, name: &str, n_series: u64) -> LayoutPart {
        let labels = Labels::from_pairs([("job", "a"), ("instance", instance)]);
        let series = (0..n_series).map(|idx| Series {
            id: SeriesId(idx),
            labels: Labels::from_pairs(labels.iter().chain([("__name__", name)])),
            family_idx: 0,
        });
        let series = series.collect();
        let family = Family {
            name: name.to_owned(),
            ..Family::default()
        };
        let target = Target {
            labels,
            scheme: String::new(),
            address: String::new(),
        };
        LayoutPart::of(&Layout::new(Arc::new(target), vec![family], series))
    }

    #[test]
    fn a_page_is_the_same_part_as_the_page_before_and_another_than_its_signals() {
        let signal = format!("{SIGNAL_PREFIX}slow_disk");
        assert_eq!(part("x", "up", 1), part("x", "up", 2));
        assert_eq!(part("x", &signal, 1), part("x", &signal, 2));
        assert_ne!(part("x", "up", 1), part("x", &signal, 1));
        assert_ne!(part("x", "up", 1), part("y", "up", 1));
    }
}
