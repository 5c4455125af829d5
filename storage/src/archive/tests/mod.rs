//! What holds of the archive as a whole.

mod metrics;
mod recovery;
