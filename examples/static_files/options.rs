//! The command line.

use crate::arguments::{at_least_one, seconds};
use lexopt::prelude::*;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A web server for files.

  --root FOLDER        serve the files below it (a few pages in memory)
  --list               show what is in folders without an index.html
  --listen ADDR        an IP address and a port (127.0.0.1:7003)
  --limit CONNECTIONS  serve so many connections at once; others wait (no limit)
  --idle SECONDS       how long a client may take for its next request (30)
  --drain SECONDS      after SIGINT or SIGTERM, let answers finish for so long (5)
                       a second signal ends the server at once

  --help               this text";

/// How to serve.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) root: Option<PathBuf>,
    pub(crate) lists: bool,
    /// Port 0 is a free port.
    pub(crate) listen: SocketAddr,
    pub(crate) limit: Option<usize>,
    pub(crate) idle: Duration,
    pub(crate) drain: Duration,
}

/// Reads the command line; `None` if it asks for help.
///
/// # Errors
///
/// It does not say what to do; the error is one line.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        root: None,
        lists: false,
        listen: (Ipv4Addr::LOCALHOST, 7003).into(),
        limit: None,
        idle: Duration::from_secs(30),
        drain: Duration::from_secs(5),
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("root") => options.root = Some(parser.value()?.into()),
            Long("list") => options.lists = true,
            Long("listen") => options.listen = address(parser.value()?.string()?)?,
            Long("limit") => {
                options.limit = Some(at_least_one("--limit", parser.value()?, 1_000_000)?);
            }
            Long("idle") => options.idle = seconds("--idle", parser.value()?)?,
            Long("drain") => options.drain = seconds("--drain", parser.value()?)?,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn address(text: String) -> Result<SocketAddr, lexopt::Error> {
    text.parse().map_err(|_| {
        format!("--listen: '{text}' is no socket address, such as 127.0.0.1:7003").into()
    })
}
