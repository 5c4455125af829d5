//! When cumulative streams began.
//!
//! Prometheus does not say when a counter started from zero, OTLP wants to know. Where the page
//! exposes `_created` that is it. Otherwise the start is not invented: as the OTLP data model has
//! it ("Cumulative streams: handling unknown start time"), the first point of a stream begins
//! when it ends, and the points after it begin there too, until the value falls: a reset, where a
//! new stream begins in the same way.

use crate::UnixMillis;

/// What is remembered of one cumulative stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Start {
    time: UnixMillis,
    last: f64,
}

impl Start {
    /// A stream of which nothing was seen.
    pub(super) const UNSEEN: Self = Self {
        time: UnixMillis(i64::MAX),
        last: f64::INFINITY,
    };

    /// Takes the next value (a counter's value, a histogram's count) and says when the stream
    /// that it belongs to began. Never later than `time`; the same point may be taken twice.
    pub(super) fn observe(
        &mut self,
        time: UnixMillis,
        value: f64,
        created: Option<UnixMillis>,
    ) -> UnixMillis {
        if let Some(created) = created {
            self.time = created;
        } else if value < self.last {
            self.time = time;
        }
        self.time = self.time.min(time);
        self.last = value;
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_starts(points: &[(i64, f64, Option<i64>)], expected: &[i64]) {
        let mut start = Start::UNSEEN;
        let starts: Vec<_> = points
            .iter()
            .map(|(time, value, created)| {
                start
                    .observe(UnixMillis(*time), *value, created.map(UnixMillis))
                    .0
            })
            .collect();
        assert_eq!(starts, expected);
    }

    #[test]
    fn an_unknown_start_is_the_first_point() {
        check_starts(
            &[(10, 5.0, None), (20, 5.0, None), (30, 9.0, None)],
            &[10, 10, 10],
        );
    }

    #[test]
    fn a_fallen_value_begins_a_new_stream() {
        check_starts(
            &[(10, 5.0, None), (20, 1.0, None), (30, 2.0, None)],
            &[10, 20, 20],
        );
    }

    #[test]
    fn an_exposed_creation_time_is_the_start() {
        check_starts(
            &[(10, 5.0, Some(3)), (20, 6.0, Some(3)), (30, 1.0, Some(25))],
            &[3, 3, 25],
        );
    }

    #[test]
    fn a_start_is_never_later_than_its_point() {
        check_starts(&[(10, 5.0, Some(99)), (5, 6.0, None)], &[10, 5]);
    }

    #[test]
    fn infinity_as_a_first_value_still_begins_somewhere() {
        check_starts(&[(10, f64::INFINITY, None)], &[10]);
    }
}
