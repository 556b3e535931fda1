//! An option that is given twice.

#[nestling::main(cores = 2, cores = 3)]
async fn main() {}
