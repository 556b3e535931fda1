//! A result that several cores cannot have together.

use std::process::ExitCode;

#[nestling::main(cores = 2)]
async fn main() -> ExitCode {
    ExitCode::SUCCESS
}
