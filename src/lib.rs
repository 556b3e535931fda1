//! Nestling.
