//! What the mirror and readers of a bucket are told.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::url::BucketUrl;
use crate::archive::day::Day;
use crate::archive::table::{Resolution, Table};

/// Where a bucket is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketOptions {
    /// The bucket and the prefix of all keys.
    pub url: BucketUrl,
    /// URL of the server, where it is not the provider's own.
    pub endpoint: Option<String>,
    /// Region of the bucket (S3).
    pub region: Option<String>,
    /// Whether the endpoint may be plain HTTP.
    pub allow_http: bool,
    /// Key file of a service account (Google Cloud Storage).
    pub service_account_file: Option<PathBuf>,
}

impl BucketOptions {
    /// A bucket with everything else from the environment.
    pub fn new(url: BucketUrl) -> Self {
        Self {
            url,
            endpoint: None,
            region: None,
            allow_http: false,
            service_account_file: None,
        }
    }
}

/// The credentials of a bucket; what is missing comes from the environment or the machine.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreKeys {
    /// Access key id; for Azure the name of the account.
    pub id: Option<String>,
    /// Secret access key; for Azure the key of the account.
    pub secret: Option<String>,
}

impl fmt::Debug for StoreKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKeys(<secret>)")
    }
}

/// How the mirror works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorOptions {
    /// Time between two looks at the archive's folder.
    pub interval: Duration,
    /// Most bytes a second that are read for uploads, on the average; `None` for no limit.
    pub max_bytes_a_second: Option<u64>,
    /// When our files leave the bucket.
    pub retention: RemoteRetention,
}

/// How long the bucket keeps our files, by resolution, in days; `None` is for ever. Tables that
/// the others refer to are kept as long as the longest of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoteRetention {
    /// Raw rows.
    pub raw_days: Option<u32>,
    /// Windows of five minutes.
    pub five_minutes_days: Option<u32>,
    /// Windows of an hour.
    pub one_hour_days: Option<u32>,
}

impl RemoteRetention {
    /// Whether the files of a day have had their time. A day counts from its end.
    pub(super) fn is_over(self, table: Table, day: Day, today: Day) -> bool {
        let days = match table {
            Table::MetricSeries
            | Table::Stacks
            | Table::Targets
            | Table::Events
            | Table::Findings => self.longest(),
            _ => match table.resolution() {
                Resolution::Raw => self.raw_days,
                Resolution::FiveMinutes => self.five_minutes_days,
                Resolution::OneHour => self.one_hour_days,
            },
        };
        days.is_some_and(|days| day.days_before(today) > i64::from(days))
    }

    fn longest(self) -> Option<u32> {
        let each = [self.raw_days, self.five_minutes_days, self.one_hour_days];
        let finite: Option<Vec<u32>> = each.into_iter().collect();
        finite.and_then(|days| days.into_iter().max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_over_when_its_last_moment_is_too_old() {
        let day = |text| Day::parse(text).unwrap();
        let retention = RemoteRetention {
            raw_days: Some(2),
            five_minutes_days: Some(4),
            one_hour_days: None,
        };
        let over = |retention: RemoteRetention, table| {
            let days = ["2026-11-20", "2026-11-22", "2026-11-23", "2026-11-30"];
            days.map(|text| retention.is_over(table, day(text), day("2026-11-25")))
        };
        assert_eq!(
            over(retention, Table::MetricPoints),
            [true, true, false, false]
        );
        assert_eq!(
            over(retention, Table::Profiles5m),
            [true, false, false, false]
        );
        assert_eq!(over(retention, Table::FunctionTrend), [false; 4]);
        assert_eq!(
            over(retention, Table::Stacks),
            [false; 4],
            "as long as the hours"
        );
        let finite = RemoteRetention {
            one_hour_days: Some(3),
            ..retention
        };
        assert_eq!(
            over(finite, Table::Stacks),
            [true, false, false, false],
            "the longest"
        );
    }
}
