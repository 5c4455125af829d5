//! What holds of the archive as a whole.

pub(super) mod any_profile;
mod golden;
mod metrics;
mod news;
mod profiles;
mod recovery;
mod running;
mod spans;
