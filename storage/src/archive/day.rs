//! Days in UTC: the partitions of every table, and the folders `date=YYYY-MM-DD`.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proto::{UnixMillis, UnixNanos};

const MILLIS_A_DAY: i64 = 86_400_000;
const EPOCH: Date = Date::constant(1970, 1, 1);
/// First day that has no four-digit year.
const END: Date = Date::constant(9999, 12, 30);

/// A day in UTC, counted from 1970-01-01. Always within 1970…9999, so that its folder's name
/// has one form and sorts by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(i32);

impl Day {
    /// The day of a time; `None` outside of 1970…9999.
    pub(super) fn of(time: UnixMillis) -> Option<Self> {
        let date = Timestamp::from_millisecond(time.0)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .date();
        (EPOCH..END)
            .contains(&date)
            .then(|| Self(time.0.div_euclid(MILLIS_A_DAY) as i32))
    }

    /// The day of a time of a profile.
    pub(super) fn of_nanos(time: UnixNanos) -> Option<Self> {
        Self::of(UnixMillis::from(time))
    }

    /// Its first moment.
    pub(super) fn start(self) -> UnixMillis {
        UnixMillis(i64::from(self.0) * MILLIS_A_DAY)
    }

    /// The first moment behind it.
    pub(super) fn end(self) -> UnixMillis {
        UnixMillis((i64::from(self.0) + 1) * MILLIS_A_DAY)
    }

    /// Whether `time` is on this day.
    pub(super) fn contains(self, time: UnixMillis) -> bool {
        time.0.div_euclid(MILLIS_A_DAY) == i64::from(self.0)
    }

    /// The day before; `None` before 1970.
    pub(super) fn before(self) -> Option<Self> {
        (self.0 > 0).then(|| Self(self.0 - 1))
    }

    /// Whether this day begins after `time`.
    pub(super) fn starts_after(self, time: UnixMillis) -> bool {
        i64::from(self.0) * MILLIS_A_DAY > time.0
    }

    /// How many days it is before another one; negative if it is after it.
    pub(super) fn days_before(self, other: Self) -> i64 {
        i64::from(other.0) - i64::from(self.0)
    }

    /// The folder of a day's files in a table's folder.
    pub(super) fn folder(self) -> String {
        format!("date={self}")
    }

    /// Reads a folder's name back; `None` for any other folder.
    pub(super) fn from_folder(name: &str) -> Option<Self> {
        Self::parse(name.strip_prefix("date=")?)
    }

    /// Reads `YYYY-MM-DD`, in exactly this form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let date: Date = text.parse().ok()?;
        let days = EPOCH.until(date).ok()?.get_days();
        let day = Self(days);
        ((EPOCH..END).contains(&date) && day.to_string() == text).then_some(day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        EPOCH.saturating_add(self.0.days()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folders_have_one_form() {
        let day = Day::of(UnixMillis(1_795_300_000_000)).unwrap();
        assert_eq!(day.folder(), "date=2026-11-21");
        assert_eq!(Day::from_folder("date=2026-11-21"), Some(day));
        for other in [
            "2026-11-21",
            "date=2026-11-1",
            "date=20261121",
            "date=../../x",
            "date=",
        ] {
            assert_eq!(Day::from_folder(other), None, "{other}");
        }
    }

    #[test]
    fn times_without_a_four_digit_year_have_no_day() {
        for millis in [i64::MIN, -1, i64::MAX, 253_402_300_800_000] {
            assert_eq!(Day::of(UnixMillis(millis)), None, "{millis}");
        }
    }

    proptest! {
        #[test]
        fn a_day_contains_its_times_and_its_folder_reads_back(millis in 0i64..253_402_000_000_000) {
            let time = UnixMillis(millis);
            let day = Day::of(time).unwrap();
            prop_assert!(day.contains(time));
            prop_assert!(!day.contains(UnixMillis(millis + MILLIS_A_DAY)));
            prop_assert_eq!(Day::from_folder(&day.folder()), Some(day));
        }
    }
}
