//! Chance that can be had again.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use leadsman_tests::setting::setting;

/// Random numbers from a seed (SplitMix64).
pub(super) struct Dice {
    /// What they come from: `LEADSMAN_SOAK_SEED`, or the time.
    pub(super) seed: u64,
    state: u64,
}

impl Dice {
    pub(super) fn new() -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let seed = setting("LEADSMAN_SOAK_SEED", now.as_secs())?;
        Ok(Self { seed, state: seed })
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }

    pub(super) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.below(range.end - range.start))
    }

    fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }
}
