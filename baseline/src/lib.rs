//! The signal catalogue and the statistics that judge the present against it.
//!
//! Pure: no files, no sockets, no clocks.

pub mod change;
pub mod judge;
mod numbers;
pub mod promql;
pub mod trend;
