//! When and of what nobody wants to be told. Pure: the time is passed in.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use proto::selector::Selector;
use proto::{Labels, UnixMillis};

/// Everything that is held back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silences(pub Vec<Silence>);

/// Holds back alerts whose labels match, while it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// What the labels of an alert must be, before they are rewritten. All alerts match none.
    pub matchers: Selector,
    /// It begins then; at once if it has none.
    pub from: Option<UnixMillis>,
    /// It is over then; never if it has none.
    pub until: Option<UnixMillis>,
    /// Parts of each week in which it holds; all the time if there are none.
    pub weekly: Vec<Weekly>,
    /// Why, for people.
    pub comment: String,
}

/// A part of some days of each week; it goes over midnight if `from` is not before `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// The days on which it begins.
    pub days: Weekdays,
    /// The first moment.
    pub from: Time,
    /// The first moment after it.
    pub to: Time,
    /// Whose clock it is.
    pub time_zone: TimeZone,
}

/// Some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekdays([bool; 7]);

impl Silences {
    /// The first that holds alerts with these labels back at `time`.
    pub fn covering(&self, labels: &Labels, time: UnixMillis) -> Option<&Silence> {
        self.0.iter().find(|silence| silence.covers(labels, time))
    }
}

impl Silence {
    fn covers(&self, labels: &Labels, time: UnixMillis) -> bool {
        self.from.is_none_or(|from| time >= from)
            && self.until.is_none_or(|until| time < until)
            && (self.weekly.is_empty() || self.weekly.iter().any(|weekly| weekly.contains(time)))
            && self.matchers.matches(labels)
    }
}

impl Weekly {
    /// Whether `time` lies in it. Where clocks are set forward or back it is what they show that
    /// counts.
    fn contains(&self, time: UnixMillis) -> bool {
        let Ok(time) = Timestamp::from_millisecond(time.0) else {
            return false;
        };
        let local = time.to_zoned(self.time_zone.clone()).datetime();
        let begins_today = self.days.contains(local.weekday());
        if self.from < self.to {
            return begins_today && self.from <= local.time() && local.time() < self.to;
        }
        let yesterday = local.date().checked_sub(1.day());
        let began_yesterday = yesterday.is_ok_and(|day| self.days.contains(day.weekday()));
        (begins_today && self.from <= local.time()) || (began_yesterday && local.time() < self.to)
    }
}

impl Weekdays {
    /// Every day.
    pub const ALL: Self = Self([true; 7]);

    /// These days.
    pub fn new(days: impl IntoIterator<Item = Weekday>) -> Self {
        let mut all = [false; 7];
        for day in days {
            if let Some(day) = all.get_mut(index(day)) {
                *day = true;
            }
        }
        Self(all)
    }

    fn contains(self, day: Weekday) -> bool {
        self.0.get(index(day)).copied().unwrap_or(false)
    }
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn labels() -> Labels {
        Labels::from_pairs([("job", "etcd"), ("severity", "warning")])
    }

    fn silence(selector: &str) -> Silence {
        Silence {
            matchers: selector.parse().unwrap(),
            ..Silence::default()
        }
    }

    fn check(silence: Silence, at: &str, expected: bool) {
        let silences = Silences(vec![silence]);
        let found = silences.covering(&labels(), time(at));
        assert_eq!(found.is_some(), expected, "{at} {silences:?}");
    }

    #[test]
    fn matchers_are_those_of_promql() {
        let noon = "2026-11-27T12:00:00Z";
        check(silence("{}"), noon, true);
        check(silence(r#"{job="etcd"}"#), noon, true);
        check(silence(r#"{job=~"e.*",severity!="critical"}"#), noon, true);
        check(silence(r#"{job="etcd",severity="critical"}"#), noon, false);
    }

    #[test]
    fn one_begins_and_ends() {
        let silence = Silence {
            from: Some(time("2026-11-27T12:00:00Z")),
            until: Some(time("2026-11-27T13:00:00Z")),
            ..silence("{}")
        };
        check(silence.clone(), "2026-11-27T11:59:59.999Z", false);
        check(silence.clone(), "2026-11-27T12:00:00Z", true);
        check(silence.clone(), "2026-11-27T13:00:00Z", false);
    }

    /// Berlin's, without a database of time zones.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn weekly(days: &[Weekday], from: i8, to: i8, time_zone: TimeZone) -> Silence {
        let weekly = Weekly {
            days: Weekdays::new(days.iter().copied()),
            from: jiff::civil::time(from, 0, 0, 0),
            to: jiff::civil::time(to, 0, 0, 0),
            time_zone,
        };
        Silence {
            weekly: vec![weekly],
            ..silence("{}")
        }
    }

    #[test]
    fn a_part_of_some_days_is_by_the_clock_of_its_zone() {
        // 2026-11-27 is a Friday; Berlin is an hour ahead.
        let friday = weekly(&[Weekday::Friday], 9, 10, berlin());
        check(friday.clone(), "2026-11-27T07:59:59Z", false);
        check(friday.clone(), "2026-11-27T08:00:00Z", true);
        check(friday.clone(), "2026-11-27T09:00:00Z", false);
        check(friday, "2026-11-28T08:30:00Z", false);
    }

    #[test]
    fn one_that_goes_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let friday = weekly(&[Weekday::Friday], 22, 6, TimeZone::UTC);
        check(friday.clone(), "2026-11-27T05:00:00Z", false);
        check(friday.clone(), "2026-11-27T22:00:00Z", true);
        check(friday.clone(), "2026-11-28T05:59:59Z", true);
        check(friday.clone(), "2026-11-28T06:00:00Z", false);
        check(friday, "2026-11-28T22:00:00Z", false);
    }

    #[test]
    fn from_an_hour_to_the_same_hour_is_a_whole_day() {
        let sunday = weekly(&[Weekday::Sunday], 0, 0, TimeZone::UTC);
        check(sunday.clone(), "2026-11-29T23:59:59Z", true);
        check(sunday.clone(), "2026-11-28T23:59:59Z", false);
        check(sunday, "2026-11-30T00:00:00Z", false);
    }

    #[test]
    fn an_hour_that_a_clock_skips_is_in_no_window_and_one_it_shows_twice_is_in_it_twice() {
        // Berlin, 2026-10-25: 03:00 becomes 02:00.
        let night = weekly(&[Weekday::Sunday], 2, 3, berlin());
        for at in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
            check(night.clone(), at, true);
        }
        // 2026-03-29: 02:00 becomes 03:00.
        for at in ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"] {
            check(night.clone(), at, false);
        }
    }
}
