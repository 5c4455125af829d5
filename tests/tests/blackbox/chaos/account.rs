//! The sum at the end: what was served, what was durable, what is in the archive, what arrived.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use leadsman_tests::otlp_receiver::OtlpReceiver;

use super::super::archived_points;
use super::scene::{PASSING, STEADY};

/// Scrapes of a steady target that a `kill -9` may take: those of a sync interval of 500 ms, and
/// some more as the machine is busy.
const MOST_LOST: usize = 12;

/// One life of the process, as its steady targets saw it: scrapes are numbered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// The last scrape before it.
    from: [u64; 2],
    /// The last scrape that it showed, and so had made durable.
    pub(super) durable: [u64; 2],
    /// At its end the disk took nothing.
    pub(super) disk_failed: bool,
}

impl Run {
    pub(super) fn starting_at(scrapes: [u64; 2]) -> Self {
        Self {
            from: scrapes,
            durable: scrapes,
            disk_failed: false,
        }
    }
}

/// What is to be checked, and printed.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    jobs: Vec<Job>,
}

#[derive(Debug, Default)]
#[expect(dead_code, reason = "some is only printed")]
struct Job {
    name: &'static str,
    n_rows: usize,
    /// Rows that are not in the order in which they were served, or there twice.
    n_out_of_order: usize,
    /// Scrapes that were durable, or later ones were, and are not in the archive.
    n_missing: usize,
    /// Scrapes that failed, which is in the archive: their pages did not get through.
    n_failed: usize,
    /// Scrapes that killed processes had not made durable, of those where the disk was well the
    /// most and of all the sum.
    most_lost: usize,
    n_lost: usize,
    /// For each receiver, rows that it does not have, and points that are no rows.
    n_not_received: [usize; 2],
    n_received_only: [usize; 2],
}

impl Outcome {
    pub(super) fn of(data: &Path, runs: &[Run], receivers: &[OtlpReceiver; 2]) -> Result<Self> {
        let mut jobs = Vec::new();
        for (idx, name) in STEADY.into_iter().enumerate() {
            let mut job = Job::of(data, name, receivers)?;
            let rows = archived_points(data, "scrapes_total", name)?;
            let archived: BTreeSet<u64> = rows.iter().map(|(_, value)| *value as u64).collect();
            for run in runs {
                let durable = run.from[idx] + 1..=run.durable[idx];
                job.n_missing += durable.filter(|count| !archived.contains(count)).count();
            }
            for pair in runs.windows(2) {
                let undurable = pair[0].durable[idx] + 1..=pair[1].from[idx];
                let n_lost = undurable.filter(|count| !archived.contains(count)).count();
                job.n_lost += n_lost;
                if !pair[0].disk_failed {
                    job.most_lost = job.most_lost.max(n_lost);
                }
            }
            jobs.push(job);
        }
        jobs.push(Job::of(data, PASSING, receivers)?);
        Ok(Self { jobs })
    }

    pub(super) fn check(&self) -> Result<()> {
        for job in &self.jobs {
            ensure!(job.n_rows > 0, "no rows: {job:?}");
            ensure!(job.n_out_of_order == 0, "twice or out of order: {job:?}");
            ensure!(job.n_missing <= job.n_failed, "durable, and gone: {job:?}");
            ensure!(job.most_lost <= MOST_LOST, "lost at a kill: {job:?}");
            ensure!(
                (job.n_not_received, job.n_received_only) == Default::default(),
                "receivers and archive differ: {job:?}"
            );
        }
        Ok(())
    }
}

impl Job {
    fn of(data: &Path, name: &'static str, receivers: &[OtlpReceiver; 2]) -> Result<Self> {
        let rows = archived_points(data, "scrapes_total", name)?;
        let up = archived_points(data, "up", name)?;
        let n_out_of_order = rows.windows(2).filter(|pair| pair[0].1 >= pair[1].1);
        let mut job = Self {
            name,
            n_rows: rows.len(),
            n_out_of_order: n_out_of_order.count(),
            n_failed: up.iter().filter(|(_, up)| *up == 0.0).count(),
            ..Self::default()
        };
        let in_order = |points: &[(u64, f64)]| -> BTreeSet<(u64, u64)> {
            let points = points.iter().map(|(time, value)| (*time, *value as u64));
            points.collect()
        };
        let rows = in_order(&rows);
        for (idx, receiver) in receivers.iter().enumerate() {
            let received = in_order(&receiver.number_points(name, "scrapes_total"));
            job.n_not_received[idx] = rows.difference(&received).count();
            job.n_received_only[idx] = received.difference(&rows).count();
        }
        Ok(job)
    }
}
