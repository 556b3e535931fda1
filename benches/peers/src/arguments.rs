//! What the command line says.

use crate::contestants::Contestant;
use crate::process::How;
use crate::rows::Row;
use lexopt::{Arg, Parser, ValueExt};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
cargo run --release --manifest-path benches/peers/Cargo.toml -- compare [OPTIONS]

  --quick              all rows, too short to conclude anything, of Nestling, the bare loops and
                       Tokio: does it run?
  --only ROW           a row (echo-64) or a group of rows (echo); may be given several times
  --contestant NAME    instead of those that take part by default; may be given several times
  --rounds N           rounds of each row (6); six are needed to conclude anything
  --seconds S          how long one measurement counts (0.25)
  --busy SHARE         of the processors that others may take, beyond which nothing is concluded
                       (0.05)
  --cores A,B          the cores of server and load (the first two)
  --out FOLDER         where the results go (docs/benchmarks; with --quick, a folder of target/)
  --resume             goes on with the run whose results are there, of the same build with the
                       same options; but for --only, which may name more rows
  --against FILE       compares with the results of an earlier run, and fails on a regression

rows and contestants: -- list";

/// What to do.
pub(crate) enum Command {
    Help,
    List,
    Compare(Compare),
    /// Be a server, in a process of its own.
    Serve {
        part: Part,
        connections: usize,
        to: Option<SocketAddr>,
    },
    /// Measure oneself, in a process of one's own.
    Work {
        part: Part,
        seconds: f64,
        counts: bool,
    },
}

/// Which contestant in which row.
pub(crate) struct Part {
    pub(crate) row: &'static Row,
    pub(crate) contestant: Contestant,
    pub(crate) how: How,
}

/// A comparison.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compare {
    pub(crate) quick: bool,
    pub(crate) only: Vec<String>,
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) rounds: Option<usize>,
    pub(crate) seconds: Option<f64>,
    pub(crate) busy: Option<f64>,
    pub(crate) cores: Option<[usize; 2]>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) resume: bool,
    pub(crate) against: Option<PathBuf>,
    /// The contestant that is made slower on purpose.
    pub(crate) slow: Option<Contestant>,
}

/// Everything that options say.
#[derive(Default)]
struct Options {
    compare: Compare,
    row: Option<&'static Row>,
    connections: usize,
    to: Option<SocketAddr>,
    buffer: usize,
    slow: Duration,
    counts: bool,
}

impl Command {
    pub(crate) fn parse() -> Result<Self, lexopt::Error> {
        let mut arguments = Parser::from_env();
        let command = match arguments.next()? {
            None | Some(Arg::Long("help") | Arg::Short('h')) => return Ok(Self::Help),
            Some(Arg::Value(command)) => command.string()?,
            Some(other) => return Err(other.unexpected()),
        };
        let options = Options::parse(&mut arguments)?;
        match command.as_str() {
            "list" => Ok(Self::List),
            "compare" => Ok(Self::Compare(options.compare)),
            "serve" => {
                let (connections, to) = (options.connections, options.to);
                Ok(Self::Serve { part: options.part()?, connections, to })
            }
            "work" => {
                let (seconds, counts) = (options.compare.seconds.unwrap_or(0.25), options.counts);
                Ok(Self::Work { part: options.part()?, seconds, counts })
            }
            other => Err(format!("{other} is no command; --help lists them").into()),
        }
    }
}

impl Options {
    fn parse(arguments: &mut Parser) -> Result<Self, lexopt::Error> {
        let mut this = Self::default();
        while let Some(argument) = arguments.next()? {
            let Arg::Long(name) = argument else { return Err(argument.unexpected()) };
            let name = name.to_owned();
            this.option(&name, arguments)?;
        }
        Ok(this)
    }

    fn option(&mut self, name: &str, arguments: &mut Parser) -> Result<(), lexopt::Error> {
        let contestant = |value: std::ffi::OsString| value.parse_with(Contestant::parse);
        let compare = &mut self.compare;
        match name {
            "quick" => compare.quick = true,
            "only" => compare.only.push(arguments.value()?.string()?),
            "contestant" => compare.contestants.push(contestant(arguments.value()?)?),
            "rounds" => compare.rounds = Some(arguments.value()?.parse()?),
            "seconds" => compare.seconds = Some(arguments.value()?.parse()?),
            "busy" => compare.busy = Some(arguments.value()?.parse()?),
            "cores" => compare.cores = Some(arguments.value()?.parse_with(cores)?),
            "out" => compare.out = Some(arguments.value()?.into()),
            "resume" => compare.resume = true,
            "against" => compare.against = Some(arguments.value()?.into()),
            "slow" => compare.slow = Some(contestant(arguments.value()?)?),
            "row" => self.row = Some(arguments.value()?.parse_with(Row::parse)?),
            "connections" => self.connections = arguments.value()?.parse()?,
            "to" => self.to = Some(arguments.value()?.parse()?),
            "buffer" => self.buffer = arguments.value()?.parse()?,
            "slow-us" => self.slow = Duration::from_micros(arguments.value()?.parse()?),
            "count" => self.counts = true,
            _ => return Err(Arg::Long(name).unexpected()),
        }
        Ok(())
    }

    fn part(self) -> Result<Part, String> {
        let row = self.row.ok_or("--row is missing")?;
        let contestant = *self.compare.contestants.first().ok_or("--contestant is missing")?;
        Ok(Part { row, contestant, how: How { buffer: self.buffer, slow: self.slow } })
    }
}

fn cores(text: &str) -> Result<[usize; 2], String> {
    let two = text.split_once(',').ok_or("two numbers with a comma are needed")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text} is no number"));
    Ok([number(two.0)?, number(two.1)?])
}
