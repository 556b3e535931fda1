//! What a server is as a program: its options, its address, its stop, its exit code.

use crate::connection::Limits;
use lexopt::ValueExt;
use lexopt::prelude::Long;
use nestling::io::nursery;
use nestling::net::TcpListener;
use nestling::signal::stop_requested;
use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The options of all servers here.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where to listen. Port 0 is a free port.
    pub listen: SocketAddr,
    /// For a request, from its head to the head of its response; without end if the server has no
    /// such option.
    pub request: Duration,
    /// What a connection may take.
    pub limits: Limits,
}

const OPTIONS: &str = "
  --listen <address>  where to listen; 127.0.0.1:8080 by default
  --head <ms>         how long a client may take to ask; 30000 by default
  --drain <ms>        how long requests may go on after the stop; 5000 by default
";

/// The default of an option that not all have.
const LIMIT: Duration = Duration::from_secs(10);

const LIMITED: &str =
    "  --limit <ms>        how long until the answer to a request begins; 10000 by default\n";

/// Whether requests of a server may be late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    /// They may: there is the option `--limit`.
    Limited,
    /// Answers begin at once.
    Immediate,
}

/// Runs a server as a program: reads its options, listens, says where, and cancels `server` at the
/// first SIGINT or SIGTERM.
///
/// The exit code is 0 if it ended as asked, 1 if it could not run, 2 if it was called wrongly.
pub fn run_server<F>(help: &str, requests: Requests, server: F) -> ExitCode
where
    F: AsyncFnOnce(TcpListener, Options) -> io::Result<()>,
{
    let is_limited = requests == Requests::Limited;
    let help = [help, OPTIONS, if is_limited { LIMITED } else { "" }].concat();
    let options = |parser| options(parser, is_limited);
    run_program(&help, options, async |options| {
        // Before the first word: from here on a signal is a stop.
        let stop = stop_requested();
        let listener = TcpListener::bind(options.listen).await?;
        say(format_args!("listening on {}", listener.local_addr()?));
        nursery(async |n| {
            n.spawn(server(listener, options));
            stop.await?;
            n.cancel();
            Ok(())
        })
        .await
    })
}

/// Runs a program with its options, if it was not asked for help. The exit code is that of
/// [`run_server`].
pub fn run_program<O>(
    help: &str,
    options: impl FnOnce(lexopt::Parser) -> Result<Option<O>, lexopt::Error>,
    program: impl AsyncFnOnce(O) -> io::Result<()>,
) -> ExitCode {
    match options(lexopt::Parser::from_env()) {
        Ok(None) => {
            say(help);
            ExitCode::SUCCESS
        }
        Ok(Some(options)) => match nestling::block_on(program(options)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(error);
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            complain(format_args!("{error} (--help lists the options)"));
            ExitCode::from(2)
        }
    }
}

fn options(mut parser: lexopt::Parser, is_limited: bool) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        request: if is_limited { LIMIT } else { Duration::MAX },
        limits: Limits::default(),
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") => return Ok(None),
            Long("listen") => options.listen = parser.value()?.parse()?,
            Long("head") => options.limits.head = milliseconds(&mut parser)?,
            Long("limit") if is_limited => options.request = milliseconds(&mut parser)?,
            Long("drain") => options.limits.drain = milliseconds(&mut parser)?,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

/// The value of an option that is a length of time.
///
/// # Errors
///
/// There is none, or it is no number.
pub fn milliseconds(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    Ok(Duration::from_millis(parser.value()?.parse()?))
}

/// Prints a line. A reader that has gone is no reason to stop serving.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line about what went wrong, with the program's name.
pub fn complain(line: impl Display) {
    let program = env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default();
    let _ = writeln!(io::stderr(), "{}: {line}", name.display());
}
