//! A web server for the files below a folder, out of which no path leads: HTTP/1.1 with connections
//! that are kept, pipelining, ranges, and conditions. Try:
//!
//! ```text
//! cargo run --release --example static_files                     # then: curl -i 127.0.0.1:7003/
//! cargo run --release --example static_files -- --root target/doc --list
//! cargo run --release --example static_files -- --help           # all the options
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `connection.rs` | a connection: requests one after the other, and their answers |
//! | `request.rs` | what a client asks, or the status that refuses it |
//! | `conditions.rs` | whether a client wants a file, and which part of it |
//! | `files.rs` | the files: in memory, or below a folder |
//! | `listing.rs` | folders as pages |
//! | `answer.rs` | a status, headers, and a body; how a file is sent |
//! | `options.rs`, `arguments.rs` | the command line |

mod answer;
#[path = "../support/arguments.rs"]
#[allow(dead_code, reason = "of the servers' options it has some")]
mod arguments;
mod conditions;
mod connection;
mod files;
mod listing;
mod options;
mod request;
#[path = "../support/mod.rs"]
mod support;

use crate::connection::Site;
use crate::files::Files;
use crate::options::{HELP, Options};
use crate::support::{complain, say};
use nestling::net::TcpListener;
use nestling::signal::stop_requested;
use nestling::{Serve, io::nursery, serve};
use std::io;
use std::process::ExitCode;

/// 0: it ended as asked. 1: it could not run. 2: it was called wrongly.
fn main() -> ExitCode {
    let outcome = match options::parse(lexopt::Parser::from_env()) {
        Ok(None) => {
            say(HELP);
            Ok(())
        }
        Ok(Some(options)) => nestling::block_on(run(options)),
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

async fn run(options: Options) -> io::Result<()> {
    let files = Files::open(options.root.as_deref(), options.lists).await?;
    let listener = TcpListener::bind(options.listen).await?;
    let requested = stop_requested();
    say(format_args!("listening on {}", listener.local_addr()?));
    let site = Site::new(files, options.idle);
    let how = Serve { limit: options.limit, drain: options.drain, ..Serve::default() };
    nursery(async |n| {
        n.spawn_daemon(async {
            requested.await?;
            // Connections that wait for a request end; the others do after their answer.
            site.stop();
            Ok(())
        });
        serve(listener, how, async |stream, _| site.serve(stream).await).await
    })
    .await
}
