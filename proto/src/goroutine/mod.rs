//! Go's goroutine dumps: `/debug/pprof/goroutine?debug=1` (equal stacks counted) and `?debug=2`
//! (each goroutine with its state, how long it has waited, and who created it).
//!
//! The formats are what `runtime/pprof.printCountProfile` and `runtime.goroutineheader` print
//! (Go 1.19 to 1.25). Lines that are neither are counted in [`Dump::n_unread_lines`] and skipped:
//! new Go versions add some.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod debug1;
mod debug2;
mod dump;
mod text;

pub use debug1::parse_debug1;
pub use debug2::parse_debug2;
pub use dump::{Dump, Group};

/// Why text is not a goroutine dump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoroutineError {
    /// It does not begin as a dump of that kind does.
    #[error("text is not a goroutine dump with debug={debug}")]
    NotADump {
        /// The kind asked for: 1 or 2.
        debug: u8,
    },
    /// There are more goroutines or stacks than handles can count.
    #[error("goroutine dump of {n_bytes} bytes is too large")]
    TooLarge {
        /// Its length.
        n_bytes: usize,
    },
}

/// Parses a dump of either kind, told by its first line.
///
/// # Errors
/// If it is of neither kind.
pub fn parse(text: &[u8]) -> Result<Dump, GoroutineError> {
    if text.starts_with(debug1::HEADER.as_bytes()) {
        parse_debug1(text)
    } else {
        parse_debug2(text)
    }
}

/// Positions in a dump are kept in 32 bits, as are handles.
const MAX_BYTES: usize = 1 << 30;

fn check_size(text: &[u8]) -> Result<(), GoroutineError> {
    if text.len() > MAX_BYTES {
        return Err(GoroutineError::TooLarge {
            n_bytes: text.len(),
        });
    }
    Ok(())
}
