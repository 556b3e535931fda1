//! An option that there is not.

#[nestling::main(cores = 2, threads = 4)]
async fn main() {}
