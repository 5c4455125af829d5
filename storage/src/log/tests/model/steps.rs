//! What the model and the log are put through.

use proptest::prelude::*;

use super::READERS;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Append {
        n_records: u8,
        length: u16,
    },
    Read {
        reader: usize,
        n_records: u8,
    },
    /// Commits what was read.
    Commit {
        reader: usize,
    },
    ReopenReader {
        reader: usize,
    },
    Restart,
    /// The end of the last segment is lost while the log is closed.
    LoseEnd {
        n_bytes: u16,
    },
    /// The disk fails under an append, and works again.
    Fault {
        n_records: u8,
        length: u16,
        fault: Fault,
    },
    /// The power goes between write and sync; of what was not synced `kept` parts in 255 stay.
    LosePower {
        n_records: u8,
        length: u16,
        kept: u8,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// So many parts in 256 of what is appended find room.
    Full(u8),
    Sync,
}

/// What may happen to a log, in any order.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reader = 0..READERS.len();
    let records = (1u8..20, 0u16..1500);
    let fault = prop_oneof![any::<u8>().prop_map(Fault::Full), Just(Fault::Sync)];
    let step = prop_oneof![
        8 => records.clone()
            .prop_map(|(n_records, length)| Step::Append { n_records, length }),
        8 => (reader.clone(), 1u8..40)
            .prop_map(|(reader, n_records)| Step::Read { reader, n_records }),
        6 => reader.clone().prop_map(|reader| Step::Commit { reader }),
        2 => reader.prop_map(|reader| Step::ReopenReader { reader }),
        2 => Just(Step::Restart),
        2 => (0u16..3000).prop_map(|n_bytes| Step::LoseEnd { n_bytes }),
        1 => (records.clone(), fault)
            .prop_map(|((n_records, length), fault)| Step::Fault { n_records, length, fault }),
        2 => (records, any::<u8>())
            .prop_map(|((n_records, length), kept)| Step::LosePower { n_records, length, kept }),
    ];
    prop::collection::vec(step, 1..40)
}
