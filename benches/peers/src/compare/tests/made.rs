//! Figures that were never measured, for tests.

use crate::figures::{Contested, Latency, Measured, RowFigures, Run, Settings};
use crate::machine::Machine;

/// A run of one row on a machine that does nothing else.
pub(crate) fn run(row: &str, contestants: Vec<Contested>) -> Run {
    let settings = Settings {
        rounds: 7,
        seconds: 0.4,
        buffer: 4096,
        busy: 0.05,
        contestants: contestants.iter().map(|one| one.name.clone()).collect(),
        slow: None,
        program: 0,
    };
    let row = RowFigures { name: row.to_owned(), busy: 0.0, offered: None, contestants };
    Run { machine: Machine::this([0, 1], 2), settings, rows: vec![row] }
}

/// Seven rounds of so many units a second, each of which took the less time the more there were.
pub(crate) fn contested(name: &str, rate: f64) -> Contested {
    let round = |round: u32| {
        let rate = rate * (1.0 + f64::from(round) / 1e3);
        let latency = Some(Latency { times: [1e9 / rate; 8], most: 1e9 / rate });
        Measured { rate, latency, late: Some(0.0), ..Measured::default() }
    };
    let rounds = (0..7).map(round).collect();
    Contested { name: name.to_owned(), rounds, calls: None, failed: None }
}

/// The same, with a load that was late by a tenth of a millisecond.
pub(crate) fn late(name: &str, rate: f64) -> Contested {
    let mut late = contested(name, rate);
    late.rounds.iter_mut().for_each(|round| round.late = Some(1e5));
    late
}

/// The same, with a load that was busier than the contestant.
pub(crate) fn limited(name: &str, rate: f64) -> Contested {
    let mut limited = contested(name, rate);
    limited.rounds.iter_mut().for_each(|round| (round.busy, round.load) = (0.9, Some(1.0)));
    limited
}

/// One that has failed after so many rounds.
pub(crate) fn failed(name: &str, rounds: usize) -> Contested {
    let mut failed = contested(name, 1e5);
    failed.rounds.truncate(rounds);
    failed.failed = Some("ended with signal: 6".to_owned());
    failed
}
