//! A proxy for TCP and Unix sockets: what clients send goes to one of several servers, and what it
//! answers comes back.
//!
//! ```text
//! cargo run --release --example proxy -- --demo              # servers, proxy and load in one
//! cargo run --release --example proxy -- --to 127.0.0.1:6379 # then: redis-cli -p 7001
//! cargo run --release --example proxy -- --help              # all the options
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `relay.rs` | the proxy: what runs on each core, and a connection from its begin to its end |
//! | `side.rs` | what TCP and Unix sockets differ in |
//! | `upstreams.rs` | the servers behind it: in turn, those that are up |
//! | `../support/listening.rs` | where it listens: ports, paths, what systemd hands over |
//! | `../support/{service,event}.rs` | what cores share: "stop", "ready", how many connections |
//! | `options.rs`, `../support/arguments.rs` | the command line |
//! | `demo.rs`, `../support/{echo,load,latency}.rs` | the demonstration |

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
mod relay;
#[path = "../support/service.rs"]
mod service;
mod side;
#[path = "../support/mod.rs"]
mod support;
mod upstreams;

use crate::options::{Command, HELP};
use crate::relay::Proxy;
use crate::support::{complain, say};
use std::process::ExitCode;

/// 0: it ended as asked. 1: it could not run, or did not run well. 2: it was called wrongly.
fn main() -> ExitCode {
    let outcome = match options::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            say(HELP);
            Ok(())
        }
        Ok(Command::Proxy(options)) => Proxy::new(options).and_then(|proxy| proxy.run()),
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
