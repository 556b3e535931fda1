//! Workers that crash and are started again, while the others serve on. Try:
//!
//! ```text
//! cargo run --example supervised            # then, elsewhere:
//!   nc 127.0.0.1 7001                       #   worker 1 echoes lines; "panic" and "fail" crash it
//!   nc 127.0.0.1 7002                       #   worker 2 serves on
//!   nc 127.0.0.1 7000                       #   how they are
//! cargo run --example supervised -- --help  # all the options
//! ```
//!
//! A worker that crashes too often fails the nursery, and with it the program. Ctrl-C ends it well.
//!
//! | file | what it holds |
//! |---|---|
//! | `supervisor.rs` | keeps one worker running. Read this one |
//! | `worker.rs` | the worker: a server with a limit, whose connections may crash it |
//! | `status.rs` | what is known of a worker, and the daemon that tells |
//! | `options.rs` | the command line |

mod options;
mod status;
mod supervisor;
mod worker;

use crate::options::{HELP, Options};
use crate::status::Status;
use crate::supervisor::Supervisor;
use nestling::net::TcpListener;
use nestling::{RemoteCanceller, nursery};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

/// 0: it ended as asked. 1: a worker crashed too often, or it could not run. 2: it was called
/// wrongly.
fn main() -> ExitCode {
    let options = match options::parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            complain(format_args!("{error} (--help lists the options)"));
            return ExitCode::from(2);
        }
    };
    match nestling::block_on(serve(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

/// One nursery: a child for each supervisor, and the daemon.
async fn serve(options: &Options) -> io::Result<()> {
    let workers: Vec<_> = (1..=options.workers).map(Status::new).collect();
    nursery(async |n| {
        let listener = TcpListener::bind(options.address(0)).await?;
        say(format_args!("status on {}", listener.local_addr()?));
        // It answers for as long as anybody works, and holds nobody up.
        n.spawn_daemon(status::tell(listener, &workers));
        for status in &workers {
            let supervisor = Supervisor { options, status };
            // Ready means that it listens. If it cannot, that is an error here.
            let address = n.start(async move |up| supervisor.run(up).await).await?;
            say(format_args!("worker {} listens on {address}", status.number()));
        }
        stop_on_signals(n.canceller().remote())?;
        say("ready");
        Ok(())
    })
    .await
}

/// Has SIGINT and SIGTERM cancel the nursery. The thread is another, and so is its canceller.
fn stop_on_signals(stop: RemoteCanceller) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot wait for signals: {error}"))
    })?;
    thread::spawn(move || signals.forever().for_each(|_| stop.cancel()));
    Ok(())
}

/// Prints a line. A reader that has gone is no reason to panic, as `println` would.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line about what went wrong.
fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "supervised: {line}");
}
