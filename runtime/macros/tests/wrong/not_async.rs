//! A function that is not async.

#[nestling::main]
fn main() {}
