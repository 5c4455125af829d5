//! The signal catalogue and the statistics that judge the present against it.
//!
//! Pure: no files, no sockets, no clocks. Still empty; it grows with signals and baselines.
