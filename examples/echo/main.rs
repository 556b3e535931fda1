//! A TCP echo server: every byte that a client sends comes back. Try:
//!
//! ```text
//! cargo run --release --example echo                   # then, elsewhere: nc 127.0.0.1 7000
//! cargo run --release --example echo -- --demo         # serves and loads itself, and measures
//! cargo run --release --example echo -- --help         # all the options
//! systemd-socket-activate -l 7000 target/release/examples/echo --listen systemd
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `server.rs` | the server: what runs on each core, from listening to draining |
//! | `../support/echo.rs` | what is done for a connection |
//! | `../support/listening.rs` | where it listens: ports, paths, what systemd hands over |
//! | `../support/{service,event}.rs` | what cores share: "stop", "ready", how many connections |
//! | `options.rs`, `../support/arguments.rs` | the command line |
//! | `demo.rs`, `table.rs`, `../support/{load,latency}.rs` | the demonstration |

#[path = "../support/arguments.rs"]
mod arguments;
mod demo;
#[path = "../support/echo.rs"]
mod echo;
#[path = "../support/event.rs"]
mod event;
#[path = "../support/latency.rs"]
mod latency;
#[path = "../support/listening.rs"]
mod listening;
#[path = "../support/load.rs"]
mod load;
mod options;
mod server;
#[path = "../support/service.rs"]
mod service;
#[path = "../support/mod.rs"]
mod support;
mod table;

use crate::options::{Command, HELP, Options};
use crate::support::{complain, say};
use std::io;
use std::process::ExitCode;

/// 0: it ended as asked. 1: it could not run, or did not run well. 2: it was called wrongly.
fn main() -> ExitCode {
    let outcome = match options::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            say(HELP);
            Ok(())
        }
        Ok(Command::Serve(options)) => serve(options),
        Ok(Command::Demo(demo)) => demo::run(&demo),
        Err(error) => {
            complain(format_args!("{error} (--help lists the options)"));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal says to stop.
fn serve(options: Options) -> io::Result<()> {
    server::run(&server::service(&options)?, options.cores).map(drop)
}
