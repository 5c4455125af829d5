//! Answers compared with what was written.

mod beside_a_writer;
mod findings;
mod profile_totals;
mod profiles;
mod series;
