//! Our own logs, traces and profiles.
