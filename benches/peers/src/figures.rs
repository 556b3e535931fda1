//! What a run has measured, as it is kept in a file.

use crate::machine::Machine;
use crate::statistics::median;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::{fs, io};

/// What is about as busy: by no more than this part of it.
const ABOUT: f64 = 0.05;

/// A load that was later than this has changed what it measures, in nanoseconds.
const TOO_LATE: f64 = 50_000.0;

/// Everything of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) rows: Vec<RowFigures>,
}

/// What has to be the same for two parts of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) rounds: usize,
    /// How long each measurement counts.
    pub(crate) seconds: f64,
    /// Bytes of the buffer that a server has for each connection.
    pub(crate) buffer: usize,
    /// The share of the processors' time that others may take: beyond that nothing is concluded.
    pub(crate) busy: f64,
    /// Who may take part, in this order.
    #[serde(default)]
    pub(crate) contestants: Vec<String>,
    /// The contestant that is made slower on purpose.
    #[serde(default)]
    pub(crate) slow: Option<String>,
    /// A hash of the executable, which is all contestants.
    #[serde(default)]
    pub(crate) program: u64,
}

/// All that was measured for one row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RowFigures {
    pub(crate) name: String,
    /// The share of the processors' time that others took just before a round, at most.
    pub(crate) busy: f64,
    /// Messages a second that the load offered, if it was an open loop.
    pub(crate) offered: Option<f64>,
    pub(crate) contestants: Vec<Contested>,
}

/// What one contestant did in one row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Contested {
    pub(crate) name: String,
    /// One after the other; the first of each contestant belong together, then the second, ...
    pub(crate) rounds: Vec<Measured>,
    /// Counted in a round of their own, as counting takes time.
    pub(crate) calls: Option<Calls>,
    /// Why it did not take part, or not to the end.
    pub(crate) failed: Option<String>,
}

/// One contestant in one round. A unit is what the row says: a message, a read, ...
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Units a second.
    pub(crate) rate: f64,
    /// CPU time of the contestant for one unit, in nanoseconds.
    pub(crate) cpu: f64,
    /// The share of its core that the contestant was on the CPU.
    pub(crate) busy: f64,
    /// The same of the load; `None` if that never sleeps, or if there is none.
    pub(crate) load: Option<f64>,
    pub(crate) latency: Option<Latency>,
    /// How late the load was itself, in an open loop: 99 % of its sends were not later, in
    /// nanoseconds.
    pub(crate) late: Option<f64>,
    /// Bytes of user memory for one unit.
    pub(crate) memory: Option<f64>,
}

/// Quantiles that are kept of latencies: those of [`Latency::times`].
pub(crate) const QUANTILES: [f64; 8] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999];

/// Latencies of one round, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) times: [f64; QUANTILES.len()],
    pub(crate) most: f64,
}

impl Latency {
    /// The 50th, the 99th and the 99.9th percentile.
    pub(crate) fn usual(&self) -> [f64; 3] {
        [self.times[0], self.times[4], self.times[6]]
    }
}

/// System calls for one unit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) all: f64,
    /// Calls of `io_uring_enter` among them.
    pub(crate) enters: f64,
}

impl Calls {
    /// Of so many units, all calls and those of `io_uring_enter` among them.
    pub(crate) fn of([all, enters]: [u64; 2], units: f64) -> Self {
        Self { all: all as f64 / units, enters: enters as f64 / units }
    }
}

impl Run {
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        serde_json::from_str(&text)
            .map_err(|error| format!("{} is not of a run: {error}", path.display()))
    }

    /// All or nothing: a run that is interrupted meanwhile can be resumed from what was there.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_string(self)? + "\n")?;
        fs::rename(new, path)
    }

    pub(crate) fn row(&self, name: &str) -> Option<&RowFigures> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl RowFigures {
    pub(crate) fn contestant(&self, name: &str) -> Option<&Contested> {
        self.contestants.iter().find(|contestant| contestant.name == name)
    }
}

impl Contested {
    /// One figure, round by round.
    pub(crate) fn all(&self, figure: impl Fn(&Measured) -> Option<f64>) -> Vec<f64> {
        self.rounds.iter().filter_map(figure).collect()
    }

    /// Whether it took part to the end.
    pub(crate) fn has_taken_part(&self) -> bool {
        self.failed.is_none() && !self.rounds.is_empty()
    }

    /// Whether the load was busier than the contestant: then that is not what was measured. Both
    /// are about as busy beside the fastest, which does what the load does.
    pub(crate) fn is_limited(&self) -> bool {
        let busy = self.all(|measured| measured.load.map(|_| measured.busy));
        let load = self.all(|measured| measured.load);
        median(&load) > (1.0 + ABOUT) * median(&busy)
    }

    /// How late the load was itself, if that was enough to change latencies; in nanoseconds.
    pub(crate) fn late(&self) -> Option<f64> {
        let late = median(&self.all(|measured| measured.late));
        (late > TOO_LATE).then_some(late)
    }
}
