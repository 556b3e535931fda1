//! Files, one after the other, to the standard output; `-` is the standard input. Try:
//!
//! ```text
//! cargo run --release --example cat -- Cargo.toml README.md
//! echo between | cargo run --release --example cat -- Cargo.toml - README.md
//! ```

#[allow(dead_code, reason = "this example prints no lines")]
mod support;

use crate::support::complain;
use nestling::fs::File;
use nestling::io::copy_with;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// What is read and written at a time, in bytes.
const SIZE: usize = 128 * 1024;

#[nestling::main]
async fn main() -> io::Result<ExitCode> {
    let mut names: Vec<_> = std::env::args_os().skip(1).collect();
    if names.is_empty() {
        names.push("-".into());
    }
    let output = standard(io::stdout().as_fd())?;
    let mut code = ExitCode::SUCCESS;
    for name in names {
        let input = match &name {
            name if name == "-" => standard(io::stdin().as_fd()),
            name => File::open(name).await,
        };
        let copied = match input {
            // Where they stand: a shell may have opened either, and written to it before.
            Ok(input) => copy_with(&mut &input, &mut &output, SIZE).await,
            Err(error) => Err(error),
        };
        match copied {
            Ok(_) => {}
            // As in `cat … | head -1`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => {
                complain(format_args!("{}: {error}", name.display()));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// A standard stream as a file: a duplicate, so that the stream stays open.
fn standard(stream: impl AsFd) -> io::Result<File> {
    let duplicate: OwnedFd = stream.as_fd().try_clone_to_owned()?;
    Ok(File::from_std(duplicate.into()))
}
