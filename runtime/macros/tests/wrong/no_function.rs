//! Something that is no function.

#[nestling::test]
struct Test;

fn main() {}
