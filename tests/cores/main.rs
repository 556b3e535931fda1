//! Cores that send each other children.

mod refused;
mod spawn_on;
