//! jemalloc's heap dump (`heap_v2`): what is allocated now, by allocating stack.
//!
//! The format is described by its reader, `jeprof` of the jemalloc sources:
//!
//! ```text
//! heap_v2/524288                       mean bytes between two samples
//!   t*: 12: 34567 [0: 0]               all threads: objects: bytes [ever allocated: …]
//!   t0: 12: 34567 [0: 0]               one thread
//! @ 0x55d0c0ffee 0x55d0c0ffaa …        a stack of return addresses, leaf first
//!   t*: 3: 6144 [0: 0]
//!   t0: 3: 6144 [0: 0]
//!
//! MAPPED_LIBRARIES:
//! ```

/// A parsed dump.
#[derive(Debug, PartialEq)]
pub(super) struct HeapDump {
    /// Mean number of allocated bytes between two samples.
    pub(super) sample_period: u64,
    /// The stacks with what they hold, estimated from the samples.
    pub(super) stacks: Vec<HeapStack>,
}

/// What one stack has allocated and not freed.
#[derive(Debug, PartialEq)]
pub(super) struct HeapStack {
    /// Return addresses, leaf first.
    pub(super) addresses: Vec<u64>,
    /// Estimated number of objects.
    pub(super) n_objects: i64,
    /// Estimated bytes.
    pub(super) bytes: i64,
}

/// Why a dump cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum HeapDumpError {
    #[error("not a heap_v2 dump")]
    Header,
    #[error("line {line_number} of the heap dump cannot be read")]
    Line { line_number: usize },
}

/// Parses a dump.
pub(super) fn parse(dump: &str) -> Result<HeapDump, HeapDumpError> {
    let header = dump
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("heap_v2/"));
    let period = header.and_then(|period| period.trim().parse().ok());
    let sample_period = period
        .filter(|period| *period > 0)
        .ok_or(HeapDumpError::Header)?;
    let mut stacks = Vec::new();
    let mut addresses: Option<Vec<u64>> = None;
    for (idx, line) in dump.lines().enumerate().skip(1) {
        let failed = || HeapDumpError::Line {
            line_number: idx + 1,
        };
        let line = line.trim();
        if line == "MAPPED_LIBRARIES:" {
            break;
        }
        if let Some(stack) = line.strip_prefix('@') {
            addresses = Some(parse_addresses(stack).ok_or_else(failed)?);
        } else if let Some(counts) = line.strip_prefix("t*:") {
            let (n_objects, bytes) = parse_counts(counts).ok_or_else(failed)?;
            // The counts before the first stack are the totals.
            let Some(addresses) = addresses.take() else {
                continue;
            };
            let (n_objects, bytes) = estimate(n_objects, bytes, sample_period);
            stacks.push(HeapStack {
                addresses,
                n_objects,
                bytes,
            });
        }
    }
    Ok(HeapDump {
        sample_period,
        stacks,
    })
}

fn parse_addresses(stack: &str) -> Option<Vec<u64>> {
    let address = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    stack.split_whitespace().map(address).collect()
}

/// `OBJECTS: BYTES [ever OBJECTS: ever BYTES]`.
fn parse_counts(counts: &str) -> Option<(u64, u64)> {
    let (current, _) = counts.split_once('[')?;
    let (n_objects, bytes) = current.split_once(':')?;
    Some((n_objects.trim().parse().ok()?, bytes.trim().parse().ok()?))
}

/// Sampled numbers to estimated ones, as `jeprof` does for this format: an object of size s is
/// sampled with the probability 1 − e^(−s/period).
fn estimate(n_objects: u64, bytes: u64, sample_period: u64) -> (i64, i64) {
    if n_objects == 0 {
        return (0, 0);
    }
    let mean_size = bytes as f64 / n_objects as f64;
    let probability = -(-mean_size / sample_period as f64).exp_m1();
    if probability <= 0.0 {
        return (0, 0);
    }
    let scaled = |value: u64| (value as f64 / probability).round() as i64;
    (scaled(n_objects), scaled(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
heap_v2/524288
  t*: 3: 1050624 [0: 0]
  t0: 3: 1050624 [0: 0]
@ 0x10 0x20 0x30
  t*: 1: 1048576 [0: 0]
  t0: 1: 1048576 [0: 0]
@ 0x11 0x20
  t*: 2: 2048 [0: 0]
  t0: 1: 1024 [0: 0]
  t1: 1: 1024 [0: 0]
@ 0x12
  t*: 0: 0 [0: 0]

MAPPED_LIBRARIES:
@ not a stack
";

    #[test]
    fn samples_are_scaled_to_what_they_stand_for() {
        let dump = parse(DUMP).unwrap();
        assert_eq!(dump.sample_period, 524_288);
        let stack = |addresses: &[u64], n_objects, bytes| HeapStack {
            addresses: addresses.to_vec(),
            n_objects,
            bytes,
        };
        // 1 MiB is sampled with 1 − e^−2 = 0.8647; 1 kiB with 1 − e^(−1/512) = 0.001951.
        let expected = vec![
            stack(&[0x10, 0x20, 0x30], 1, 1_212_697),
            stack(&[0x11, 0x20], 1025, 1_049_600),
            stack(&[0x12], 0, 0),
        ];
        assert_eq!(dump.stacks, expected);
    }

    #[test]
    fn what_is_not_a_dump_is_refused() {
        assert_eq!(parse(""), Err(HeapDumpError::Header));
        assert_eq!(parse("heap_v2/0\n"), Err(HeapDumpError::Header));
        let cut = "heap_v2/524288\n@ 0x10 zz\n";
        assert_eq!(parse(cut), Err(HeapDumpError::Line { line_number: 2 }));
        let cut = "heap_v2/524288\n@ 0x10\n  t*: 1: \n";
        assert_eq!(parse(cut), Err(HeapDumpError::Line { line_number: 3 }));
    }
}
