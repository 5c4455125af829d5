//! The signal catalogue and the statistics that judge the present against it.
//!
//! Pure: no files, no sockets, no clocks.

pub mod assess;
pub mod catalogue;
pub mod causes;
pub mod change;
mod derived;
pub mod explain;
pub mod judge;
mod numbers;
pub mod profiles;
pub mod promql;
pub mod review;
pub mod signals;
pub mod span_metrics;
pub mod trend;
