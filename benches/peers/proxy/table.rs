//! The figures of all rounds of one kind of work, as a table.

use crate::contender::Kind;
use crate::load::Work;
use crate::median::median;

/// What one proxy did in one round; a unit is a message, or a KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) units_per_second: f64,
    /// In seconds.
    pub(crate) cpu_per_unit: f64,
    /// Shares of their cores that the proxy and the load were busy.
    pub(crate) busy: (f64, f64),
}

/// The rounds of all proxies. The first round of each belongs together, then the second, ...
pub(crate) struct Table {
    work: Work,
    connections: usize,
    proxies: Vec<Kind>,
    rounds: Vec<(Kind, Round)>,
}

/// A figure of a round.
type Figure = fn(&Round) -> f64;

impl Table {
    pub(crate) fn new(work: Work, connections: usize, proxies: &[Kind]) -> Self {
        Self { work, connections, proxies: proxies.to_vec(), rounds: Vec::new() }
    }

    pub(crate) fn add(&mut self, kind: Kind, round: Round) {
        self.rounds.push((kind, round));
    }

    fn of(&self, kind: Kind, figure: Figure) -> Vec<f64> {
        let rounds = self.rounds.iter().filter(|(of, _)| *of == kind);
        rounds.map(|(_, round)| figure(round)).collect()
    }

    /// The median of the ratios to Tokio's figure in the same round.
    fn of_tokio(&self, kind: Kind, figure: Figure) -> f64 {
        let pairs = self.of(kind, figure).into_iter().zip(self.of(Kind::Tokio, figure));
        median(pairs.map(|(this, other)| this / other).collect())
    }

    pub(crate) fn print(&self, depth: usize) {
        let rounds = self.rounds.len() / self.proxies.len();
        let Self { work, connections, .. } = self;
        let (unit, each, scale) = match work {
            Work::Messages => ("messages/s", "CPU us", 1e6),
            Work::OneWay | Work::BothWays => ("KiB/s", "ns/KiB", 1e9),
        };
        let depth = if *work == Work::Messages { format!(", {depth} deep") } else { String::new() };
        println!("\n{}: {connections} connections{depth}, {rounds} rounds", work.name());
        println!(
            "{:14} {unit:>10} {:>19} {:>8} | {each:>7} {:>8} | {:>5} {:>5}",
            "proxy", "(least..most)", "of tokio", "of tokio", "busy", "load"
        );
        for &kind in &self.proxies {
            let rate: Figure = |round| round.units_per_second;
            let cpu: Figure = |round| round.cpu_per_unit;
            let rates = self.of(kind, rate);
            let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
            let most = rates.iter().copied().fold(0.0, f64::max);
            println!(
                "{:14} {:>10.0} {:>19} {:>8.2} | {:>7.2} {:>8.2} | {:>5.2} {:>5.2}",
                kind.name(),
                median(rates),
                format!("({least:.0}..{most:.0})"),
                self.of_tokio(kind, rate),
                median(self.of(kind, cpu)) * scale,
                self.of_tokio(kind, cpu),
                median(self.of(kind, |round| round.busy.0)),
                median(self.of(kind, |round| round.busy.1)),
            );
        }
    }
}
