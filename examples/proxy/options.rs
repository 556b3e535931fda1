//! The command line.

use crate::arguments::{at_least_one, number, seconds};
use crate::listening::{Address, address};
use crate::upstreams::Target;
use lexopt::prelude::*;
use nestling::Cores;
use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A TCP proxy: what clients send goes to one of several servers, and its answers come back.

  --to ADDR            a server behind the proxy, as HOST:PORT or unix:PATH; may be repeated: each
                       connection goes to the next one that is up
  --listen ADDR        an IP address and a port, unix:PATH, or systemd for the listeners that it
                       hands over; may be repeated (127.0.0.1:7001)
  --cores N            serve on so many cores (all; with --demo, one)
  --limit CONNECTIONS  serve so many connections at once; others wait (no limit)
  --drain SECONDS      after SIGINT or SIGTERM, let connections finish for so long (5)
                       a second signal ends the proxy at once
  --connect-timeout SECONDS  how long a server may take to accept (5)
  --idle SECONDS       end a connection on which no byte has gone for so long (never)

  --demo               run two servers, the proxy and a load, and print what was measured
  --seconds N          how long each of the two loads lasts (3)
  --connections N      how many connections carry it (64)

  --help               this text";

/// The most that `--limit` may say.
const MOST: usize = 1_000_000;

/// What the user wants.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Proxy(Options),
    Demo(DemoOptions),
}

/// How to run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) listen: Vec<Address>,
    pub(crate) to: Vec<Target>,
    pub(crate) cores: Cores,
    pub(crate) limit: Option<usize>,
    /// What connections have left when the proxy is to stop.
    pub(crate) drain: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle: Option<Duration>,
}

/// How to demonstrate.
#[derive(Debug)]
pub(crate) struct DemoOptions {
    /// The proxy's; its addresses are found by the demonstration.
    pub(crate) proxy: Options,
    pub(crate) duration: Duration,
    pub(crate) connections: usize,
}

/// What was on the command line.
#[derive(Default)]
struct Given {
    listen: Vec<Address>,
    to: Vec<Target>,
    cores: Option<usize>,
    limit: Option<usize>,
    drain: Option<Duration>,
    connect_timeout: Option<Duration>,
    idle: Option<Duration>,
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
            Long("to") => given.to.push(upstream(parser.value()?)?),
            Long("cores") => given.cores = Some(number("--cores", parser.value()?)?),
            Long("limit") => {
                given.limit = Some(at_least_one("--limit", parser.value()?, MOST)?);
            }
            Long("drain") => given.drain = Some(seconds("--drain", parser.value()?)?),
            Long("connect-timeout") => {
                given.connect_timeout = Some(seconds("--connect-timeout", parser.value()?)?);
            }
            Long("idle") => given.idle = Some(seconds("--idle", parser.value()?)?),
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
        let mut listen = self.listen;
        let is_default = listen.is_empty();
        if is_default {
            listen.push(Address::Tcp((Ipv4Addr::LOCALHOST, 7001).into()));
        }
        let cores = if self.demo { Cores::Count(1) } else { Cores::All };
        let options = Options {
            listen,
            cores: self.cores.map_or(cores, Cores::Count),
            limit: self.limit,
            drain: self.drain.unwrap_or(Duration::from_secs(5)),
            connect_timeout: self.connect_timeout.unwrap_or(Duration::from_secs(5)),
            idle: self.idle,
            to: self.to,
        };
        if self.demo {
            if !is_default || !options.to.is_empty() {
                return Err("--demo finds ports itself; leave out --listen and --to".into());
            }
            return Ok(Command::Demo(DemoOptions {
                proxy: options,
                duration: self.seconds.unwrap_or(Duration::from_secs(3)),
                connections: self.connections.unwrap_or(64),
            }));
        }
        if self.seconds.is_some() || self.connections.is_some() {
            return Err("--seconds and --connections belong to --demo".into());
        }
        if options.to.is_empty() {
            return Err("--to is missing: where shall connections go?".into());
        }
        Ok(Command::Proxy(options))
    }
}

fn upstream(value: OsString) -> Result<Target, lexopt::Error> {
    if let Some(path) = value.as_bytes().strip_prefix(b"unix:").filter(|path| !path.is_empty()) {
        return Ok(Target::Unix(OsStr::from_bytes(path).into()));
    }
    let text = value.string()?;
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    if !matches!(port, Some(Ok(_))) {
        let text =
            format!("--to: '{text}' is no host and port, such as localhost:6379, and no unix:PATH");
        return Err(text.into());
    }
    Ok(Target::Tcp(text))
}
