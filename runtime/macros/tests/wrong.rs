//! What the compiler says about wrong uses of attributes and nurseries, and where it points.

/// Each program in `wrong/` has beside it what the compiler says. To accept new words, set
/// `TRYBUILD=overwrite`.
#[test]
fn wrong_uses_point_at_the_culprit() {
    let programs = trybuild::TestCases::new();
    programs.compile_fail("tests/wrong/*.rs");
    // Here, too: the programs of one run share what is built for them. The guide's section on the
    // compiler's words says what to do about each.
    programs.compile_fail("tests/wrong/nurseries/*.rs");
}
