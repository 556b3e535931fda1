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
#[path = "../support/mod.rs"]
mod support;
mod worker;

use crate::options::{HELP, Options};
use crate::status::Status;
use crate::supervisor::Supervisor;
use crate::support::{complain, say};
use nestling::net::TcpListener;
use nestling::signal::stop_requested;
use nestling::{Canceller, io::nursery};
use std::io;
use std::process::ExitCode;

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
        // It answers for as long as a worker works, and holds none up.
        n.spawn_daemon(status::tell(listener, &workers));
        for status in &workers {
            let supervisor = Supervisor { options, status };
            // Ready means that it listens. If it cannot, that is an error here.
            let address = n.start(async move |up| supervisor.run(up).await).await?;
            say(format_args!("worker {} listens on {address}", status.number()));
        }
        n.spawn_daemon(cancel_on_signal(n.canceller()));
        say("ready");
        Ok(())
    })
    .await
}

/// Has the first SIGINT or SIGTERM cancel the nursery; a second one ends the process.
fn cancel_on_signal(nursery: Canceller) -> impl Future<Output = io::Result<()>> {
    let requested = stop_requested();
    async move {
        requested.await?;
        nursery.cancel();
        Ok(())
    }
}
