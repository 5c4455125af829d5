//! Random numbers that are the same for a seed on every machine. Not for secrets.

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// A sequence of its own for each pair of a seed and a stream.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// 0 ≤ number < 1, all alike.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mean 0, standard deviation 1, never beyond ±3: the sum of three uniform numbers.
    pub(super) fn noise(&mut self) -> f64 {
        let bits = self.next();
        let part = |shift: u32| ((bits >> shift) & 0x1f_ffff) as f64 / (1_u64 << 21) as f64;
        2.0 * (part(0) + part(21) + part(42) - 1.5)
    }

    /// A whole number whose mean is `mean`: rounded up as often as the fraction asks for.
    pub(super) fn whole(&mut self, mean: f64) -> f64 {
        (mean + self.uniform()).floor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_seed_and_stream_only_and_have_the_mean_they_should() {
        let draw = |seed, stream| {
            let mut random = Random::new(seed, stream);
            [random.uniform(), random.noise(), random.whole(0.5)]
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(2, 1));
        let mut random = Random::new(7, 0);
        let n = 20_000;
        let noise: Vec<f64> = (0..n).map(|_| random.noise()).collect();
        let mean = noise.iter().sum::<f64>() / f64::from(n);
        let variance = noise.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
        let whole: f64 = (0..n).map(|_| random.whole(0.3)).sum();
        assert!((whole / f64::from(n) - 0.3).abs() < 0.02, "{whole}");
    }
}
