//! The comparison: rounds of all contestants alternate, row by row, and what counts is the median
//! of the ratios within a round.
//!
//! Not one contestant to its end and then the next: on a machine whose speed drifts the last one
//! would win. Each round begins with another contestant.

mod against;
mod round;
#[cfg(test)]
mod tests;

pub(crate) use against::Against;

use crate::arguments::Compare;
use crate::contestants::{Contestant, cached_file, small_files};
use crate::figures::{Contested, RowFigures, Run, Settings};
use crate::machine::{self, Machine};
use crate::process::{How, REMEDY};
use crate::rows::{Load, ROWS, Row, SATURATED, Work};
use crate::statistics::median;
use indicatif::{ProgressBar, ProgressStyle};
use round::{Conditions, measure};
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;
use std::{fs, process};

/// Bytes of the buffer that a server has for each connection: as a server has that does not know
/// how long the next message is.
const BUFFER: usize = 4096;
/// The same for each direction of a proxied connection.
const PROXY_BUFFER: usize = 16 << 10;
/// How long a slowed contestant spins for each message.
const SLOW: Duration = Duration::from_micros(2);

/// The share of the processors' time that others may take, if the command line does not say.
const TOO_BUSY: f64 = 0.05;

/// Rounds and seconds, as a whole run has them and as a quick one.
const WHOLE: (usize, f64) = (6, 0.25);
const QUICK: (usize, f64) = (1, 0.05);

/// Why a run cannot be resumed.
const OTHER: &str = "\
that run was of another machine, of another build, or with other options: repeat it as it was, or
leave --resume out";

/// A comparison that runs.
pub(crate) struct Comparison {
    rows: Vec<&'static Row>,
    contestants: Vec<Contestant>,
    slow: Option<Contestant>,
    pub(crate) run: Run,
    progress: ProgressBar,
    counts: bool,
}

impl Comparison {
    /// Goes on with `earlier`, if there is such a run.
    pub(crate) fn new(options: &Compare, earlier: Option<Run>) -> Result<Self, String> {
        let ids = core_affinity::get_core_ids().unwrap_or_default();
        let cores = match (options.cores, &ids[..]) {
            (Some(cores), _) => cores,
            (None, [server, load, ..]) => [server.id, load.id],
            _ => return Err("a core for the server and one for the load are needed".to_owned()),
        };
        let rows: Vec<_> = match &options.only[..] {
            [] => ROWS.iter().collect(),
            only => {
                let is_meant = |row: &&Row| only.iter().any(|name| row.is_called(name));
                ROWS.iter().filter(is_meant).collect()
            }
        };
        if rows.is_empty() {
            return Err(format!("{:?} is no row; `-- list` names them", options.only));
        }
        let contestants = match &options.contestants[..] {
            [] if options.quick => Contestant::QUICK.to_vec(),
            [] => Contestant::USUAL.to_vec(),
            some => some.to_vec(),
        };
        let (rounds, seconds) = if options.quick { QUICK } else { WHOLE };
        let settings = Settings {
            rounds: options.rounds.unwrap_or(rounds),
            seconds: options.seconds.unwrap_or(seconds),
            buffer: BUFFER,
            busy: options.busy.unwrap_or(TOO_BUSY),
            contestants: contestants.iter().map(|one| one.name().to_owned()).collect(),
            slow: options.slow.map(|slow| slow.name().to_owned()),
            program: program()?,
        };
        let machine = Machine::this(cores, ids.len());
        let run = match earlier {
            None => Run { machine, settings, rows: Vec::new() },
            Some(run) if run.machine == machine && run.settings == settings => run,
            Some(_) => return Err(OTHER.to_owned()),
        };
        let parts: usize = rows.iter().map(|row| parts(row, &contestants).count()).sum();
        let progress = ProgressBar::new((parts * run.settings.rounds) as u64);
        let style = "{elapsed_precise} {wide_bar} {pos}/{len} {msg:>40} left: {eta}";
        progress.set_style(ProgressStyle::with_template(style).expect("a template"));
        Ok(Self { rows, contestants, slow: options.slow, run, progress, counts: true })
    }

    /// Measures all that is not there yet; `save` is called after each round.
    pub(crate) fn go_on(
        &mut self,
        save: impl Fn(&Run) -> Result<(), String>,
    ) -> Result<(), String> {
        for row in self.rows.clone() {
            let at = self.begin(row)?;
            for round in 0..self.run.settings.rounds {
                // What others took at worst.
                let figures = &mut self.run.rows[at];
                figures.busy = figures.busy.max(machine::busy());
                self.round(row, at, round);
                save(&self.run)?;
            }
            self.count(row, at);
            save(&self.run)?;
        }
        self.progress.finish_and_clear();
        // There are none unless files were read.
        let _ = fs::remove_file(cached_file(process::id()));
        let _ = fs::remove_dir_all(small_files(process::id()));
        Ok(())
    }

    /// The place of a row among the figures.
    fn begin(&mut self, row: &Row) -> Result<usize, String> {
        if let Some(at) = self.run.rows.iter().position(|figures| figures.name == row.name) {
            return Ok(at);
        }
        let offered = match row.load {
            Load::Open { share, .. } => Some(self.saturated()? * share),
            _ => None,
        };
        let contested = |contestant: &Contestant| {
            let failed = contestant.absence(row.work).map(str::to_owned);
            let takes_part = failed.is_some() || contestant.program(row.work).is_ok();
            let name = contestant.name().to_owned();
            takes_part.then_some(Contested { name, rounds: Vec::new(), calls: None, failed })
        };
        let contestants = self.contestants.iter().filter_map(contested).collect();
        let (name, busy) = (row.name.to_owned(), 0.0);
        self.run.rows.push(RowFigures { name, busy, offered, contestants });
        Ok(self.run.rows.len() - 1)
    }

    /// Messages a second with which Tokio is saturated: from this run, or else measured now.
    fn saturated(&self) -> Result<f64, String> {
        let row = Row::parse(SATURATED)?;
        let known = self.run.row(row.name).and_then(|row| row.contestant(Contestant::Tokio.name()));
        let rates = known.map(|tokio| tokio.all(|measured| Some(measured.rate)));
        match rates {
            Some(rates) if !rates.is_empty() => Ok(median(&rates)),
            _ => {
                let conditions = self.conditions(row, Contestant::Tokio, false);
                Ok(measure(row, Contestant::Tokio, None, &conditions)?.0.rate)
            }
        }
    }

    fn conditions(&self, row: &Row, contestant: Contestant, counts: bool) -> Conditions {
        let buffer = if row.work == Work::Proxy { PROXY_BUFFER } else { self.run.settings.buffer };
        let slow = if self.slow == Some(contestant) { SLOW } else { Duration::ZERO };
        Conditions {
            cores: self.run.machine.cores,
            seconds: self.run.settings.seconds,
            how: How { buffer, slow },
            counts,
        }
    }

    /// Has each contestant measured once that has not been in this round. One that fails takes no
    /// further part in the row.
    fn round(&mut self, row: &Row, at: usize, round: usize) {
        let parts: Vec<_> = parts(row, &self.contestants).collect();
        let first = round % parts.len().max(1);
        for &contestant in parts[first..].iter().chain(&parts[..first]) {
            let conditions = self.conditions(row, contestant, false);
            let RowFigures { offered, contestants, .. } = &mut self.run.rows[at];
            let mut all = contestants.iter_mut();
            let Some(contested) = all.find(|contested| contested.name == contestant.name()) else {
                continue;
            };
            self.progress.set_message(format!("{} {}", row.name, contestant.name()));
            if contested.rounds.len() == round && contested.failed.is_none() {
                match measure(row, contestant, *offered, &conditions) {
                    Ok((measured, _)) => contested.rounds.push(measured),
                    Err(failed) => contested.failed = Some(failed),
                }
            }
            self.progress.inc(1);
        }
    }

    /// Counts system calls, once each. A contestant that fails meanwhile has failed in the row;
    /// where the calls of one cannot be counted, those of the others are not tried.
    fn count(&mut self, row: &Row, at: usize) {
        // Where there is nothing to count.
        if matches!(row.load, Load::Idle { .. }) || row.work == Work::Timers {
            return;
        }
        for contestant in parts(row, &self.contestants) {
            let mut conditions = self.conditions(row, contestant, true);
            conditions.seconds /= 2.0;
            let RowFigures { offered, contestants, .. } = &mut self.run.rows[at];
            let mut all = contestants.iter_mut();
            let contested = all.find(|contested| contested.name == contestant.name());
            let Some(contested) = contested.filter(|contested| contested.failed.is_none()) else {
                continue;
            };
            if contested.calls.is_some() || !self.counts {
                continue;
            }
            match measure(row, contestant, *offered, &conditions) {
                Ok((_, Some(Ok(calls)))) => contested.calls = Some(calls),
                Ok((_, Some(Err(error)))) => {
                    // Also where no progress is shown, in a log.
                    self.progress.suspend(|| eprintln!("{REMEDY} ({error})"));
                    self.counts = false;
                }
                Ok((_, None)) => {}
                Err(failed) => contested.failed = Some(failed),
            }
        }
    }
}

/// A hash of this executable; computed once, as that takes a second without optimisation.
fn program() -> Result<u64, String> {
    static HASH: LazyLock<Result<u64, String>> = LazyLock::new(|| {
        let bytes = fs::read("/proc/self/exe").map_err(|error| error.to_string())?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        Ok(hasher.finish())
    });
    HASH.clone()
}

/// The contestants of a row.
fn parts(row: &Row, contestants: &[Contestant]) -> impl Iterator<Item = Contestant> {
    let work = row.work;
    contestants.iter().copied().filter(move |contestant| contestant.program(work).is_ok())
}

/// An earlier run, if the file is there.
pub(crate) fn earlier(path: &Path) -> Result<Option<Run>, String> {
    path.exists().then(|| Run::load(path)).transpose()
}
