//! The signal catalogue and the statistics that judge the present against it.
//!
//! Pure: no files, no sockets, no clocks.

pub mod catalogue;
pub mod causes;
pub mod promql;
