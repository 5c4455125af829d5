//! Why bytes are not a profile.

/// Why bytes are not a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PprofError {
    /// There are no bytes at all.
    #[error("body is empty")]
    Empty,
    /// The bytes are text of one of the legacy formats, which carry no symbols.
    #[error("body is {format} text: fetch the protobuf form, that is without debug=1")]
    Text {
        /// Which text it is.
        format: &'static str,
    },
    /// The bytes are still compressed, or something else that is not protobuf.
    #[error("body is {format}, not a pprof protobuf message")]
    NotPprof {
        /// What the bytes look like.
        format: &'static str,
    },
    /// More bytes than handles can count.
    #[error("body of {n_bytes} bytes is too large for a profile")]
    TooLarge {
        /// Its length in bytes.
        n_bytes: usize,
    },
    /// Not a protobuf message, or one cut short.
    #[error("malformed protobuf in {message}")]
    Malformed {
        /// The message type it happened in.
        message: &'static str,
    },
    /// A reference to an entry that is not there.
    #[error("{table} {reference} does not exist")]
    Dangling {
        /// The table referred to.
        table: &'static str,
        /// The id or the index.
        reference: u64,
    },
    /// An entry with an id of 0, or with the id of another entry.
    #[error("{table} id {id} is zero or given twice")]
    BadId {
        /// The table.
        table: &'static str,
        /// The id.
        id: u64,
    },
    /// The first entry of the string table is not the empty string.
    #[error("first string is not empty")]
    FirstString,
    /// A sample has more or fewer values than the profile has sample types.
    #[error("sample {sample_idx} has {n_values} values for {n_types} sample types")]
    ValueCount {
        /// Which sample, counted from 0.
        sample_idx: usize,
        /// How many values it has.
        n_values: usize,
        /// How many sample types the profile has.
        n_types: usize,
    },
}
