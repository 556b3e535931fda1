//! A value of the wrong type.

#[nestling::main(cores = "two")]
async fn main() {}
