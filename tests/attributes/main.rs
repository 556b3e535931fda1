//! `#[nestling::main]` and `#[nestling::test]`: what they run, and how that ends.
//!
//! What is said about wrong uses, and where it points, is tested beside them, in `runtime/macros`.

mod ending;
mod running;
