//! Filled with the next commits.
