//! The past of a target, made up: weeks of its signals, and profiles of the day before.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::{Labels, ProfileRecord, Record, Target, UnixMillis, pprof};
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440 * MINUTE;

/// What a target was like.
pub struct Past<'a> {
    /// Its `job`.
    pub job: &'a str,
    /// Its `instance`.
    pub instance: &'a str,
    /// Names of the metrics of its signals, and what they were about, at first and at last.
    pub signals: &'a [(&'a str, [f64; 2])],
    /// Kinds of profiles with one of each, as pprof.
    pub profiles: &'a [(&'a str, Vec<u8>)],
}

/// Writes an archive with so many days of the past of targets, until now: signals every five minutes
/// on a straight line with a swing of a fifth over the day and some noise, profiles each hour of the last day.
pub fn write(archive: &Path, n_days: i64, all: &[Past<'_>]) -> Result<()> {
    let mut archive = Archive::open(ArchiveOptions {
        path: archive.to_owned(),
        buffer_bytes: 16 << 20,
        flush_interval: Duration::from_secs(3600),
        compression_level: 1,
    })?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = i64::try_from(now.as_millis())?;
    let mut position = Position(0);
    let mut append = |archive: &mut Archive, record: Record| -> Result<()> {
        position.0 += 100;
        archive.write(position, &record);
        if archive.is_full() {
            archive.flush()?;
        }
        Ok(())
    };
    for past in all {
        let layout = Arc::new(past.layout());
        let steps = (now - n_days * DAY..now - MINUTE).step_by(5 * MINUTE as usize);
        for time in steps {
            let part = 1.0 - (now - time) as f64 / (n_days * DAY) as f64;
            let levels = past
                .signals
                .iter()
                .map(|(_, [first, last])| first + (last - first) * part);
            let values = levels.map(|level| level * swing(time));
            let batch = MetricBatch::new(Arc::clone(&layout), UnixMillis(time), values.collect());
            append(&mut archive, Record::Metrics(Arc::new(batch)))?;
        }
        for (kind, body) in past.profiles {
            let body = plain(body)?;
            for time in (now - DAY + 10 * MINUTE..now - 10 * MINUTE).step_by(60 * MINUTE as usize) {
                let mut profile = pprof::decode(&body)?;
                profile.time_nanos = time * 1_000_000;
                let record = ProfileRecord {
                    target: past.target(),
                    kind: (*kind).to_owned(),
                    is_delta: profile.duration_nanos > 0,
                    profile,
                };
                append(&mut archive, Record::Profile(Arc::new(record)))?;
            }
        }
    }
    archive.flush()?;
    Ok(())
}

/// Without its gzip.
fn plain(body: &[u8]) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(body).read_to_end(&mut plain)?;
    Ok(plain)
}

/// A day's swing and a noise that is the same each time.
fn swing(time: i64) -> f64 {
    let day = (time.rem_euclid(DAY) as f64) / DAY as f64 * std::f64::consts::TAU;
    let hash = (time as u64 / 1000).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    1.0 + 0.1 * day.sin() + 0.1 * ((hash % 1000) as f64 / 1000.0 - 0.5)
}

impl Past<'_> {
    fn target(&self) -> Arc<Target> {
        Arc::new(Target {
            labels: Labels::from_pairs([("job", self.job), ("instance", self.instance)]),
            scheme: "http".to_owned(),
            address: self.instance.to_owned(),
        })
    }

    fn layout(&self) -> Layout {
        let target = self.target();
        let series = (0..).zip(self.signals).map(|(idx, (name, _))| {
            let labels = Labels::from_pairs(target.labels.iter().chain([("__name__", *name)]));
            Series {
                id: SeriesId(labels.hash64()),
                labels,
                family_idx: idx,
            }
        });
        let families = self.signals.iter().map(|(name, _)| Family {
            name: (*name).to_owned(),
            kind: MetricKind::Gauge,
            ..Family::default()
        });
        Layout::new(Arc::clone(&target), families.collect(), series.collect())
    }
}
