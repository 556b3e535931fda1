//! The command line.

use crate::arguments::{at_least_one, number, seconds};
use crate::listening::{Address, address};
use lexopt::prelude::*;
use nestling::Cores;
use std::net::Ipv4Addr;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A TCP echo server: every byte that a client sends comes back.

  --listen ADDR        an IP address and a port, unix:PATH, or systemd for the listeners that it
                       hands over; may be repeated (127.0.0.1:7000)
  --cores N            serve on so many cores (all; with --demo, half of them)
  --limit CONNECTIONS  serve so many connections at once; others wait (no limit)
  --drain SECONDS      after SIGINT or SIGTERM, let connections finish for so long (5)
                       a second signal ends the server at once

  --demo               serve on a free port, load that, and print what was measured
  --seconds N          how long the load lasts (5)
  --connections N      how many connections carry it (64)

  --help               this text";

/// The most that `--limit` may say.
const MOST: usize = 1_000_000;

/// What the user wants.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Serve(Options),
    Demo(DemoOptions),
}

/// How to serve.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) listen: Vec<Address>,
    pub(crate) cores: Cores,
    pub(crate) limit: Option<usize>,
    /// What connections have left when the server is to stop.
    pub(crate) drain: Duration,
}

/// How to demonstrate. The server under load has the options of any other.
#[derive(Debug)]
pub(crate) struct DemoOptions {
    pub(crate) cores: usize,
    pub(crate) limit: Option<usize>,
    pub(crate) drain: Duration,
    pub(crate) duration: Duration,
    pub(crate) connections: usize,
}

/// What was on the command line.
#[derive(Default)]
struct Given {
    listen: Vec<Address>,
    cores: Option<usize>,
    limit: Option<usize>,
    drain: Option<Duration>,
    demo: bool,
    seconds: Option<Duration>,
    connections: Option<usize>,
}

/// Reads the command line.
///
/// # Errors
///
/// It does not say what to do; the error is one line.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("listen") => given.listen.push(address(parser.value()?)?),
            Long("cores") => given.cores = Some(number("--cores", parser.value()?)?),
            Long("limit") => {
                given.limit = Some(at_least_one("--limit", parser.value()?, MOST)?);
            }
            Long("drain") => given.drain = Some(seconds("--drain", parser.value()?)?),
            Long("demo") => given.demo = true,
            Long("seconds") => given.seconds = Some(seconds("--seconds", parser.value()?)?),
            Long("connections") => {
                let most = usize::from(u16::MAX); // each needs a port
                given.connections = Some(at_least_one("--connections", parser.value()?, most)?);
            }
            other => return Err(other.unexpected()),
        }
    }
    given.command()
}

impl Given {
    fn command(self) -> Result<Command, lexopt::Error> {
        let drain = self.drain.unwrap_or(Duration::from_secs(5));
        if self.demo {
            if !self.listen.is_empty() {
                return Err("--demo finds a port itself; leave out --listen".into());
            }
            return Ok(Command::Demo(DemoOptions {
                cores: self.cores.unwrap_or_else(half_the_cores),
                limit: self.limit,
                drain,
                duration: self.seconds.unwrap_or(Duration::from_secs(5)),
                connections: self.connections.unwrap_or(64),
            }));
        }
        if self.seconds.is_some() || self.connections.is_some() {
            return Err("--seconds and --connections belong to --demo".into());
        }
        let mut listen = self.listen;
        if listen.is_empty() {
            listen.push(Address::Tcp((Ipv4Addr::LOCALHOST, 7000).into()));
        }
        let cores = self.cores.map_or(Cores::All, Cores::Count);
        Ok(Command::Serve(Options { listen, cores, limit: self.limit, drain }))
    }
}

/// The other half makes the load.
fn half_the_cores() -> usize {
    let cores = available_parallelism().map_or(1, NonZero::get);
    (cores / 2).max(1)
}
