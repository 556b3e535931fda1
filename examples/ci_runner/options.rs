//! The command line.

use lexopt::prelude::{Long, Value, ValueExt};
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Runs commands side by side; the first that fails ends the others, and none is left behind.

usage: ci_runner [OPTIONS] COMMAND...

  --jobs N            how many at a time [4]
  --deadline SECONDS  how long each may take [60]
  --output BYTES      how much each may print [1000000]
  --grace SECONDS     how long one may take to end that was asked to [5]
  --keep-going        let the others go on when one fails";

/// What to run, and how.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) jobs: usize,
    pub(crate) deadline: Duration,
    pub(crate) output: usize,
    pub(crate) grace: Duration,
    pub(crate) keep_going: bool,
    pub(crate) scripts: Vec<String>,
}

/// Reads it; nothing if help is asked for.
pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        jobs: 4,
        deadline: Duration::from_secs(60),
        output: 1_000_000,
        grace: Duration::from_secs(5),
        keep_going: false,
        scripts: Vec::new(),
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") => return Ok(None),
            Long("jobs") => options.jobs = arguments.value()?.parse()?,
            Long("deadline") => options.deadline = seconds(&mut arguments)?,
            Long("output") => options.output = arguments.value()?.parse()?,
            Long("grace") => options.grace = seconds(&mut arguments)?,
            Long("keep-going") => options.keep_going = true,
            Value(script) => options.scripts.push(script.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    if options.scripts.is_empty() {
        return Err("there is no command to run".into());
    }
    if options.jobs == 0 {
        return Err("--jobs is to be at least 1".into());
    }
    Ok(Some(options))
}

fn seconds(arguments: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let seconds = arguments.value()?.parse()?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string().into())
}
