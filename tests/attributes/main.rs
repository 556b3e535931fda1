//! `#[nestling::main]` and `#[nestling::test]`: what they run, and how that ends.
//!
//! What is said about wrong uses, and where it points, is tested beside them, in `runtime/macros`.

#[path = "../support/again.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod again;
mod ending;
mod running;
