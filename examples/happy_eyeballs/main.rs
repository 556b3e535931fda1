//! Connects to the first of several addresses that answers, as browsers do (RFC 8305): the next
//! attempt begins when the last one has failed, or after 250 ms.
//!
//! `TcpStream::connect` does that by itself (`--library`). This is how to write it, or anything of
//! its kind, with a nursery. Try:
//!
//! ```text
//! cargo run --example happy_eyeballs                    # a black hole, a refusal, a listener
//! cargo run --example happy_eyeballs -- 127.0.0.1:1 [::1]:1              # nothing listens
//! cargo run --example happy_eyeballs -- --library       # by the library's own connect
//! cargo run --example happy_eyeballs -- --stagger 50 --give-up 2000 ADDRESS...   # milliseconds
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `connect.rs` | the algorithm: one `race`. Read this one |
//! | `scenery.rs` | the addresses that are tried if none are given |

mod connect;
#[path = "../support/event.rs"]
mod event;
mod scenery;
#[path = "../support/mod.rs"]
mod support;

use crate::connect::{Pace, connect};
use crate::scenery::Scenery;
use crate::support::{complain, say};
use lexopt::Parser;
use lexopt::prelude::{Long, Value, ValueExt};
use nestling::net::{ConnectOptions, TcpStream};
use nestling::{io::nursery, timeout};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// The command line.
struct Options {
    pace: Pace,
    /// None: those of the scenery.
    addresses: Vec<SocketAddr>,
    by_library: bool,
}

/// 0: connected. 1: no address answered. 2: it was called wrongly.
fn main() -> ExitCode {
    let options = match parse(Parser::from_env()) {
        Ok(options) => options,
        Err(error) => {
            complain(format_args!("{error} (the first lines of main.rs say what to try)"));
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: Parser) -> Result<Options, lexopt::Error> {
    let (stagger, give_up) = (Duration::from_millis(250), Duration::from_secs(10));
    let pace = Pace { stagger, give_up };
    let mut options = Options { pace, addresses: Vec::new(), by_library: false };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("stagger") => options.pace.stagger = milliseconds(&mut arguments)?,
            Long("give-up") => options.pace.give_up = milliseconds(&mut arguments)?,
            Long("library") => options.by_library = true,
            Value(address) => options.addresses.push(address.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn milliseconds(arguments: &mut Parser) -> Result<Duration, lexopt::Error> {
    arguments.value()?.parse().map(Duration::from_millis)
}

fn run(options: &Options) -> io::Result<()> {
    let scenery = if options.addresses.is_empty() { Some(Scenery::new()?) } else { None };
    let addresses = match &scenery {
        Some(scenery) => scenery.addresses()?,
        None => options.addresses.clone(),
    };
    nestling::block_on(async {
        let before = descriptors()?;
        let (address, stream) = if options.by_library {
            by_library(&addresses, &options.pace).await?
        } else {
            connect(&addresses, &options.pace).await?
        };
        let with_winner = descriptors()?;
        stream.close().await?;
        say(format_args!("the winner is {address}"));
        let after = descriptors()?;
        say(format_args!(
            "descriptors: {before} before, {with_winner} with the winner, {after} after"
        ));
        Ok(())
    })
}

/// The same by the library. The nursery is there to be sure that all other attempts are over when
/// this returns: they end, and are closed, before the nursery around does.
async fn by_library(addresses: &[SocketAddr], pace: &Pace) -> io::Result<(SocketAddr, TcpStream)> {
    let how = ConnectOptions::default().attempt_delay(pace.stagger);
    let connect = nursery(async |_| TcpStream::connect_with(addresses, &how).await);
    let stream = timeout(pace.give_up, connect).await??;
    Ok((stream.peer_addr()?, stream))
}

/// What the process has open.
fn descriptors() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count())
}
