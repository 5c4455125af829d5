//! What comes out is read back with the generated types.

mod histograms;
mod limits;
mod numbers;
mod support;
