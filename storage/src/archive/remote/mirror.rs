//! Keeps a bucket as the archive's folder is, on a thread of its own.
//!
//! The thread blocks on files, on the network and on its pace; nothing else waits for it. It knows
//! when to look, and when again after a failure; what it then does is in `pass`.

use std::error::Error;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use proto::UnixMillis;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::metrics::MirrorMetrics;
use super::options::MirrorOptions;
use super::pace::Pace;
use super::pass::{Look, Pass};
use super::pending::Seen;
use super::stop::{Stop, Wish};
use super::trouble::{Trouble, remedy};
use super::uploaded::Uploaded;
use super::{Bucket, store::Store};
use crate::ErrorChain;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::WriterId;
use crate::archive::files;

/// Time before the first retry after a failure, and the longest it grows to.
const RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(5 * 60);
/// How often everything of the folder is compared again, and old days are removed.
const THOROUGH_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

type Failure = Box<dyn Error + Send + Sync>;
type Connect = Box<dyn Fn() -> Result<Bucket, Failure> + Send>;

/// A mirror that is not running yet.
pub struct Mirror {
    root: PathBuf,
    writer: WriterId,
    options: MirrorOptions,
    connect: Connect,
    bucket: Option<Bucket>,
    metrics: MirrorMetrics,
    uploaded: Uploaded,
    stop: Stop,
    pace: Pace,
    seen: Seen,
    /// The thoroughness that the next pass needs.
    look: Look,
    looked: Option<Instant>,
}

/// A mirror's thread; clones are for the same one.
#[derive(Clone, Debug)]
pub struct MirrorHandle {
    stop: Stop,
    uploaded: Uploaded,
}

/// The end of a mirror's thread, to be waited for.
#[derive(Debug)]
pub struct MirrorEnd(oneshot::Receiver<()>);

impl Mirror {
    /// For the archive in the folder `root`, which must have been opened before. `connect` is
    /// called at the start and after failures, so that changed credentials take effect.
    ///
    /// # Errors
    /// When the archive's writer cannot be read.
    pub fn new(
        root: &Path,
        options: MirrorOptions,
        connect: impl Fn() -> Result<Bucket, Failure> + Send + 'static,
        metrics: MirrorMetrics,
    ) -> Result<Self, ArchiveError> {
        let writer = writer(root)?;
        Ok(Self {
            root: root.to_owned(),
            writer,
            connect: Box::new(connect),
            bucket: None,
            metrics,
            uploaded: Uploaded::of_mirror(writer),
            stop: Stop::default(),
            pace: Pace::new(options.max_bytes_a_second),
            seen: Seen::default(),
            look: Look::Everything,
            looked: None,
            options,
        })
    }

    /// Starts its thread.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub fn start(mut self) -> Result<(MirrorHandle, MirrorEnd), ArchiveError> {
        let (send_end, ended) = oneshot::channel();
        let (stop, uploaded, root) = (self.stop.clone(), self.uploaded.clone(), self.root.clone());
        std::thread::Builder::new()
            .name("mirror".to_owned())
            .spawn(move || {
                self.run();
                let _ = send_end.send(()); // nobody may wait for it any more
            })
            .map_err(ArchiveError::io("start a mirror of", &root))?;
        Ok((MirrorHandle { stop, uploaded }, MirrorEnd(ended)))
    }

    fn run(&mut self) {
        let (mut trouble, mut retry) = (Trouble::default(), RETRY);
        loop {
            let wish = self.stop.wish();
            if wish == Wish::Quit {
                return;
            }
            let wait = match self.pass() {
                Ok(()) => {
                    if trouble.is_over() {
                        info!("the object store takes files again");
                    }
                    retry = RETRY;
                    self.options.interval
                }
                Err(error) => {
                    self.failed(&*error, &mut trouble);
                    let wait = retry;
                    retry = (retry * 2).min(MAX_RETRY);
                    wait
                }
            };
            if wish == Wish::Finish {
                return;
            }
            self.stop.wait(spread(wait), Wish::Run);
        }
    }

    fn failed(&mut self, error: &(dyn Error + Send + Sync + 'static), trouble: &mut Trouble) {
        self.bucket = None; // credentials may have changed
        if self.stop.wish() == Wish::Quit {
            return;
        }
        self.metrics.failed_passes.inc();
        let remedy = remedy(error);
        if trouble.is_news(remedy) {
            warn!(error = %ErrorChain(error), remedy, "failed to bring the object store up to date");
        }
    }

    /// One pass, over a new connection if there is none.
    fn pass(&mut self) -> Result<(), Failure> {
        let thorough = self
            .looked
            .is_none_or(|last| last.elapsed() > THOROUGH_EVERY);
        let look = if thorough {
            self.look.max(Look::Thorough)
        } else {
            Look::Changes
        };
        let bucket = match self.bucket.take() {
            Some(bucket) => bucket,
            None => (self.connect)()?,
        };
        let store: &dyn Store = &*self.bucket.insert(bucket).0;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let millis = i64::try_from(now.as_millis())?;
        let today = Day::of(UnixMillis(millis)).ok_or("the clock is after the year 9999")?;
        let mut pass = Pass {
            root: &self.root,
            writer: self.writer,
            store,
            retention: self.options.retention,
            today,
            metrics: &self.metrics,
            uploaded: &self.uploaded,
            stop: &self.stop,
            pace: &mut self.pace,
            seen: &mut self.seen,
            swept: false,
        };
        let result = pass.run(look);
        if pass.swept {
            (self.look, self.looked) = (Look::Thorough, Some(Instant::now()));
        }
        result?;
        self.metrics.last_success.set(now.as_secs_f64());
        Ok(())
    }
}

impl MirrorHandle {
    /// What is known to be in the bucket.
    pub fn uploaded(&self) -> Uploaded {
        self.uploaded.clone()
    }

    /// Asks the mirror to bring up what there is and then to end.
    pub fn finish(&self) {
        self.stop.ask(Wish::Finish);
    }

    /// Asks it to end as soon as it can: what is on its way is sent again at the next start.
    pub fn quit(&self) {
        self.stop.ask(Wish::Quit);
    }
}

impl MirrorEnd {
    /// Waits until it has ended.
    pub async fn wait(self) {
        let _ = self.0.await; // a panic is its end too
    }
}

/// The writer of the archive in a folder.
pub(super) fn writer(root: &Path) -> Result<WriterId, ArchiveError> {
    let path = root.join(files::WRITER);
    let writer = files::read_text(&path)?.and_then(|text| WriterId::parse(&text));
    writer.ok_or_else(|| ArchiveError::damaged(&path, "not a writer's id"))
}

/// Between three quarters and all of a time, at random: many mirrors of one bucket, started
/// together, do not stay together.
fn spread(time: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
    time.mul_f64(0.75 + random / 4.0)
}
