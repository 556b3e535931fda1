//! Cores that send each other children.

mod spawn_on;
