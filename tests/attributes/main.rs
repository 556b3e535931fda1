//! `#[nestling::main]` and `#[nestling::test]`: what they run, and how that ends.
//!
//! What is said about wrong uses, and where it points, is tested beside them, in `runtime/macros`.

mod ending;
mod running;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
