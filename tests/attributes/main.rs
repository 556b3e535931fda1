//! `#[nestling::main]` and `#[nestling::test]`: what they run, how that ends, and what the compiler
//! says about wrong uses.
//!
//! What the attributes say themselves, and where it points, is tested beside them, in
//! `runtime/macros`; here is what the compiler makes of it.

mod ending;
mod running;

/// Each program in `wrong/` has beside it what the compiler says. To accept new words, set
/// `TRYBUILD=overwrite`.
#[test]
fn wrong_uses_point_at_the_culprit() {
    trybuild::TestCases::new().compile_fail("tests/attributes/wrong/*.rs");
}
