//! Finding a handle by what it stands for. The content lives in the profile's own tables; an
//! [`Index`] only holds hashes and handles.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Maps content to the `u32` inside a handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    slots: HashTable<Slot>,
}

#[derive(Clone, Debug)]
struct Slot {
    hash: u64,
    handle: u32,
}

impl Index {
    /// Makes room for `n` more handles.
    pub(crate) fn reserve(&mut self, n: usize) {
        self.slots.reserve(n, |slot| slot.hash);
    }

    /// The handle whose content has this hash and is equal.
    pub(crate) fn find(&self, hash: u64, is_equal: impl Fn(u32) -> bool) -> Option<u32> {
        let found = self
            .slots
            .find(hash, |slot| slot.hash == hash && is_equal(slot.handle));
        found.map(|slot| slot.handle)
    }

    /// Remembers a handle that [`Index::find`] did not know.
    pub(crate) fn insert(&mut self, hash: u64, handle: u32) {
        self.slots
            .insert_unique(hash, Slot { hash, handle }, |slot| slot.hash);
    }
}

/// Hashes content with a seed of its own, so that no target can prepare colliding stacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn random() -> Self {
        Self(RandomState::new().hash_one(0u8))
    }

    pub(crate) fn hash(self, content: &(impl Hash + ?Sized)) -> u64 {
        let mut hasher = Fold { state: self.0 };
        content.hash(&mut hasher);
        hasher.finish()
    }
}

/// A folded multiply for each word: handles and numbers, which is what the tables are made of,
/// hash in about a nanosecond a word. Strings go through XXH3.
struct Fold {
    state: u64,
}

/// An odd constant with its bits well spread: the golden ratio in 64 bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        self.state = xxh3_64_with_seed(bytes, self.state);
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        let wide = u128::from(self.state ^ word) * u128::from(FACTOR);
        self.state = (wide as u64) ^ ((wide >> 64) as u64) ^ self.state.rotate_left(23);
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.state ^ (self.state >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_content_is_found_and_other_content_is_not() {
        let seed = Seed::random();
        let words = ["a", "b"];
        let mut index = Index::default();
        index.insert(seed.hash("b"), 1);
        let find = |word: &str| index.find(seed.hash(word), |idx| words[idx as usize] == word);
        assert_eq!(find("b"), Some(1));
        assert_eq!(find("a"), None);
    }

    #[test]
    fn content_with_one_hash_is_told_apart() {
        let mut index = Index::default();
        index.insert(7, 0);
        index.insert(7, 1);
        assert_eq!(index.find(7, |handle| handle == 1), Some(1));
        assert_eq!(index.find(7, |handle| handle == 2), None);
    }

    #[test]
    fn small_numbers_spread_over_the_whole_hash() {
        let seed = Seed(1);
        let mut low: Vec<u64> = (0..4096u32).map(|word| seed.hash(&word) & 0xffff).collect();
        let mut high: Vec<u64> = (0..4096u32).map(|word| seed.hash(&word) >> 48).collect();
        for bits in [&mut low, &mut high] {
            bits.sort_unstable();
            bits.dedup();
            assert!(bits.len() > 3700, "{} of 4096 are distinct", bits.len());
        }
    }
}
