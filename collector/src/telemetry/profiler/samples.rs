//! Where the signal handler leaves its samples: fixed memory, shared without locks that wait.
//!
//! A handler may interrupt anything, also the code that collects the samples on the same thread.
//! So everybody only tries to take the buffer: a handler that does not get it counts a lost
//! sample, and the collector tries again.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Words of the buffer. It is emptied several times a second: at 99 samples a second of CPU time
/// and 60 frames this is enough for some forty cores. Untouched words cost no memory.
const N_WORDS: usize = 1 << 16;

/// Frames kept of a stack, from the leaf on.
pub(super) const MAX_FRAMES: usize = 128;

/// Samples as words: the number of addresses, then the addresses, leaf first.
pub(super) struct SampleBuffer {
    is_taken: AtomicBool,
    n_used: AtomicUsize,
    n_lost: AtomicU64,
    words: [AtomicUsize; N_WORDS],
}

impl SampleBuffer {
    pub(super) const fn new() -> Self {
        Self {
            is_taken: AtomicBool::new(false),
            n_used: AtomicUsize::new(0),
            n_lost: AtomicU64::new(0),
            words: [const { AtomicUsize::new(0) }; N_WORDS],
        }
    }

    /// Writes one sample: `walk` is given a function that takes the addresses, leaf first, and
    /// says whether it takes more. Allocates nothing and waits for nothing.
    pub(super) fn record(&self, walk: impl FnOnce(&mut dyn FnMut(usize) -> bool)) {
        let Some(_taken) = self.take() else {
            self.lose();
            return;
        };
        let start = self.n_used.load(Ordering::Relaxed);
        let room = N_WORDS.saturating_sub(start + 1).min(MAX_FRAMES);
        let mut n_frames = 0;
        if room == MAX_FRAMES {
            walk(&mut |address| {
                if let Some(word) = self.words.get(start + 1 + n_frames) {
                    word.store(address, Ordering::Relaxed);
                    n_frames += 1;
                }
                n_frames < room
            });
        }
        match self.words.get(start) {
            Some(word) if n_frames > 0 => {
                word.store(n_frames, Ordering::Relaxed);
                self.n_used.store(start + 1 + n_frames, Ordering::Relaxed);
            }
            _ => self.lose(),
        }
    }

    /// Hands every sample to `each` and empties the buffer. `false` if a handler has it just now:
    /// then try again.
    pub(super) fn drain(&self, mut each: impl FnMut(&[u64])) -> bool {
        let Some(_taken) = self.take() else {
            return false;
        };
        let n_used = self.n_used.swap(0, Ordering::Relaxed).min(N_WORDS);
        let mut words = self
            .words
            .iter()
            .take(n_used)
            .map(|word| word.load(Ordering::Relaxed));
        let mut addresses = Vec::with_capacity(MAX_FRAMES);
        while let Some(n_frames) = words.next() {
            addresses.clear();
            addresses.extend(words.by_ref().take(n_frames).map(|address| address as u64));
            each(&addresses);
        }
        true
    }

    /// Samples that were not kept since this was last asked.
    pub(super) fn take_lost(&self) -> u64 {
        self.n_lost.swap(0, Ordering::Relaxed)
    }

    fn lose(&self) {
        self.n_lost.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> Option<Taken<'_>> {
        let is_free = !self.is_taken.swap(true, Ordering::Acquire);
        // Not `then_some`: it would make the right, and on dropping it give the buffer free, in any case.
        is_free.then(|| Taken { buffer: self })
    }
}

/// The right to use the buffer, until it is dropped.
struct Taken<'a> {
    buffer: &'a SampleBuffer,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.buffer.is_taken.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static BUFFER: SampleBuffer = SampleBuffer::new();

    fn record(buffer: &SampleBuffer, addresses: &[usize]) {
        buffer.record(|push| {
            let _ = addresses.iter().all(|address| push(*address));
        });
    }

    fn drained(buffer: &SampleBuffer) -> Vec<Vec<u64>> {
        let mut samples = Vec::new();
        assert!(buffer.drain(|sample| samples.push(sample.to_vec())));
        samples
    }

    #[test]
    fn samples_come_out_as_they_went_in_and_what_has_no_room_is_counted() {
        record(&BUFFER, &[1, 2, 3]);
        record(&BUFFER, &[4]);
        assert_eq!(drained(&BUFFER), [vec![1, 2, 3], vec![4]]);
        assert!(drained(&BUFFER).is_empty());

        let deep: Vec<usize> = (0..1000).collect();
        record(&BUFFER, &deep);
        assert_eq!(drained(&BUFFER)[0].len(), MAX_FRAMES);
        assert_eq!(BUFFER.take_lost(), 0);

        let n_fitting = (N_WORDS - MAX_FRAMES - 1) / (MAX_FRAMES + 1) + 1;
        for _ in 0..n_fitting + 5 {
            record(&BUFFER, &deep);
        }
        assert_eq!(drained(&BUFFER).len(), n_fitting);
        assert_eq!((BUFFER.take_lost(), BUFFER.take_lost()), (5, 0));

        // A handler that interrupts the collector, or another handler, goes away empty-handed.
        BUFFER.record(|push| {
            push(7);
            record(&BUFFER, &[8]);
            assert!(!BUFFER.drain(|_| panic!("the buffer is taken")));
        });
        assert_eq!(drained(&BUFFER), [vec![7]]);
        assert_eq!(BUFFER.take_lost(), 1);
    }
}
