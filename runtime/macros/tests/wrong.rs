//! What the compiler says about wrong uses of the attributes, and where it points.

/// Each program in `wrong/` has beside it what the compiler says. To accept new words, set
/// `TRYBUILD=overwrite`.
#[test]
fn wrong_uses_point_at_the_culprit() {
    trybuild::TestCases::new().compile_fail("tests/wrong/*.rs");
}
