//! Runs commands side by side, as a build server does: each has a deadline and a limit to what it
//! may print, the first that fails ends the others, and none is left behind. Try:
//!
//! ```text
//! cargo run --example ci_runner -- 'echo tests; sleep 1' 'echo lint' 'sleep 9'
//! cargo run --example ci_runner -- 'sleep 100' 'sleep 1; exit 3'   # the first one is ended
//! cargo run --example ci_runner -- --deadline 2 'sleep 100 & sleep 100'
//! cargo run --example ci_runner -- --output 1000 yes               # press Ctrl-C in any of them
//! cargo run --example ci_runner -- --help                          # all the options
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `job.rs` | one command: its process, its output, its end. Read this one |
//! | `options.rs` | the command line |

mod job;
mod options;
#[path = "../support/mod.rs"]
mod support;

use crate::job::Ended;
use crate::options::{HELP, Options};
use crate::support::{complain, say};
use nestling::io::nursery;
use nestling::signal::stop_requested;
use nestling::{Canceller, for_each_limit};
use std::cell::Cell;
use std::io;
use std::process::ExitCode;

/// 0: all commands have succeeded. 1: one has not, or could not be run. 2: it was called wrongly.
/// 130: a signal has ended it.
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
    let is_stopped = Cell::new(false);
    match nestling::block_on(run(&options, &is_stopped)) {
        _ if is_stopped.get() => ExitCode::from(130),
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            complain(format_args!("{failures} of {} failed", options.scripts.len()));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

/// Runs the commands, so many at a time, and tells how many have failed. When this returns, their
/// processes have ended.
async fn run(options: &Options, is_stopped: &Cell<bool>) -> io::Result<usize> {
    let failures = Cell::new(0);
    nursery(async |n| {
        n.spawn_daemon(cancel_on_signal(n.canceller(), is_stopped));
        let numbered = (1..).zip(&options.scripts);
        for_each_limit(options.jobs, numbered, async |(number, script)| {
            let ended = job::run(number, script, options).await?;
            if !matches!(ended, Ended::Well) {
                failures.set(failures.get() + 1);
                if !options.keep_going {
                    return Err(io::Error::other(format!("job {number} {ended}")));
                }
            }
            Ok(())
        })
        .await
    })
    .await?;
    Ok(failures.get())
}

/// Has the first SIGINT or SIGTERM cancel the nursery; a second one ends this process at once.
fn cancel_on_signal(
    nursery: Canceller,
    is_stopped: &Cell<bool>,
) -> impl Future<Output = io::Result<()>> {
    let requested = stop_requested();
    async move {
        requested.await?;
        is_stopped.set(true);
        nursery.cancel();
        Ok(())
    }
}
