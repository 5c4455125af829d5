//! Reading a file no faster than it may be sent.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::stop::{Stop, Wish};

/// Most that is read before the pace is looked at. Bytes.
const STEP: usize = 256 << 10;

/// How much may be read, on the average.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_a_second: Option<u64>,
    /// Until when what was read takes at this pace.
    paid_until: Instant,
}

impl Pace {
    pub(super) fn new(bytes_a_second: Option<u64>) -> Self {
        Self {
            bytes_a_second,
            paid_until: Instant::now(),
        }
    }

    /// How long to wait after so many more bytes. Time in which nothing was read is not saved up.
    fn after(&mut self, n_bytes: usize, now: Instant) -> Duration {
        let Some(rate) = self.bytes_a_second else {
            return Duration::ZERO;
        };
        let takes = Duration::from_secs_f64(n_bytes as f64 / rate.max(1) as f64);
        self.paid_until = self.paid_until.max(now) + takes;
        self.paid_until - now
    }
}

/// A reader that keeps to a pace, and fails when the mirror is to end at once.
pub(super) struct Paced<'a, R> {
    pub(super) inner: R,
    pub(super) pace: &'a mut Pace,
    pub(super) stop: &'a Stop,
}

impl<R: Read> Read for Paced<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let step = into.len().min(STEP);
        let n_read = self.inner.read(into.get_mut(..step).unwrap_or_default())?;
        let wait = self.pace.after(n_read, Instant::now());
        if self.stop.wait(wait, Wish::Finish) == Wish::Quit {
            return Err(io::Error::other("the mirror is ending"));
        }
        Ok(n_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up_to_the_rate_and_idle_time_is_not_saved() {
        let mut pace = Pace::new(Some(1000));
        let start = Instant::now();
        let near = |wait: Duration, seconds: f64| (wait.as_secs_f64() - seconds).abs() < 0.1;
        assert!(near(pace.after(500, start), 0.5));
        assert!(near(pace.after(500, start), 1.0));
        assert!(near(pace.after(500, start + Duration::from_secs(60)), 0.5));
        assert_eq!(Pace::new(None).after(1 << 40, start), Duration::ZERO);
    }

    #[test]
    fn a_reader_ends_when_it_must() {
        let (stop, mut pace) = (Stop::default(), Pace::new(None));
        let data = vec![7; 1 << 20];
        let read = |pace: &mut Pace| {
            let mut out = Vec::new();
            let mut paced = Paced {
                inner: &*data,
                pace,
                stop: &stop,
            };
            paced.read_to_end(&mut out).map(|_| out)
        };
        assert_eq!(read(&mut pace).unwrap(), data);
        stop.ask(Wish::Finish);
        assert_eq!(
            read(&mut pace).unwrap(),
            data,
            "what there is is brought up"
        );
        stop.ask(Wish::Quit);
        assert!(read(&mut pace).is_err());
    }
}
