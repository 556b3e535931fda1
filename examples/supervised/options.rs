//! The command line.

use lexopt::prelude::{Long, ValueExt};
use std::net::SocketAddr;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Workers that crash and are started again, while the others serve on.

usage: supervised [OPTIONS]

  --listen ADDR      where to tell the status [127.0.0.1:7000]; the workers have the ports after
                     that, or any if it is 0
  --workers N        how many workers [2]
  --limit N          connections of a worker at a time [64]
  --backoff MS       the pause before the first restart; each one doubles it, up to 5 s [100]
  --crashes N        give up at the Nth crash of a worker [5] ...
  --window SECONDS   ... in this time; after as long without one, the pause is short again [60]";

/// How to serve, and when to give up.
#[derive(Debug)]
pub(crate) struct Options {
    listen: SocketAddr,
    pub(crate) workers: u16,
    pub(crate) limit: usize,
    pub(crate) backoff: Duration,
    pub(crate) crashes: usize,
    pub(crate) window: Duration,
}

impl Options {
    /// The address of a worker; that of number 0 is the status's.
    pub(crate) fn address(&self, number: u16) -> SocketAddr {
        let mut address = self.listen;
        if address.port() != 0 {
            address.set_port(address.port().saturating_add(number));
        }
        address
    }
}

/// Reads it; nothing if help is asked for.
pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 7000)),
        workers: 2,
        limit: 64,
        backoff: Duration::from_millis(100),
        crashes: 5,
        window: Duration::from_secs(60),
    };
    while let Some(argument) = arguments.next()? {
        let Long(name) = argument else { return Err(argument.unexpected()) };
        match name {
            "help" => return Ok(None),
            "listen" => options.listen = arguments.value()?.parse()?,
            "workers" => options.workers = arguments.value()?.parse()?,
            "limit" => options.limit = arguments.value()?.parse()?,
            "backoff" => options.backoff = arguments.value()?.parse().map(Duration::from_millis)?,
            "crashes" => options.crashes = arguments.value()?.parse()?,
            "window" => options.window = arguments.value()?.parse().map(Duration::from_secs)?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(options))
}
