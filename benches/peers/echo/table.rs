//! The figures of all rounds at one number of connections, as a table.

use crate::median::median;
use crate::server::Kind;

/// What one server did in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) messages_per_second: f64,
    /// In seconds.
    pub(crate) cpu_per_message: f64,
    pub(crate) enters_per_message: Option<f64>,
    /// Shares of their cores that the server and the load were busy.
    pub(crate) busy: (f64, f64),
}

/// The rounds of all servers. The first round of each belongs together, then the second, ...
pub(crate) struct Table {
    connections: usize,
    buffer: usize,
    servers: Vec<Kind>,
    rounds: Vec<(Kind, Round)>,
}

/// A figure of a round.
type Figure = fn(&Round) -> f64;

impl Table {
    pub(crate) fn new(connections: usize, buffer: usize, servers: &[Kind]) -> Self {
        Self { connections, buffer, servers: servers.to_vec(), rounds: Vec::new() }
    }

    pub(crate) fn add(&mut self, kind: Kind, round: Round) {
        self.rounds.push((kind, round));
    }

    fn of(&self, kind: Kind, figure: Figure) -> Vec<f64> {
        let rounds = self.rounds.iter().filter(|(of, _)| *of == kind);
        rounds.map(|(_, round)| figure(round)).collect()
    }

    /// The median of the ratios to another server's figure in the same round.
    fn ratio(&self, kind: Kind, to: Kind, figure: Figure) -> f64 {
        let pairs = self.of(kind, figure).into_iter().zip(self.of(to, figure));
        median(pairs.map(|(this, other)| this / other).collect())
    }

    pub(crate) fn print(&self) {
        let rounds = self.rounds.len() / self.servers.len();
        let Self { connections, buffer, .. } = self;
        println!("\n{connections} connections, buffers of {buffer} bytes, {rounds} rounds");
        println!(
            "{:10} {:>10} {:>17} {:>8} {:>7} | {:>6} {:>8} | {:>6} | {:>6} {:>6}",
            "server",
            "messages/s",
            "(least..most)",
            "of tokio",
            "of bare",
            "CPU us",
            "of tokio",
            "enters",
            "busy",
            "load"
        );
        for &kind in &self.servers {
            let rate: Figure = |round| round.messages_per_second;
            let cpu: Figure = |round| round.cpu_per_message;
            let rates = self.of(kind, rate);
            let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
            let most = rates.iter().copied().fold(0.0, f64::max);
            let enters = self.rounds.iter().filter(|(of, _)| *of == kind);
            let enters: Vec<_> = enters.filter_map(|(_, round)| round.enters_per_message).collect();
            let enters = match enters.is_empty() {
                true => "-".to_owned(),
                false => format!("{:.3}", median(enters)),
            };
            println!(
                "{:10} {:>10.0} {:>17} {:>8.2} {:>7.2} | {:>6.2} {:>8.2} | {:>6} | {:>6.2} {:>6.2}",
                kind.name(),
                median(rates),
                format!("({least:.0}..{most:.0})"),
                self.ratio(kind, Kind::Tokio, rate),
                self.ratio(kind, Kind::Bare, rate),
                median(self.of(kind, cpu)) * 1e6,
                self.ratio(kind, Kind::Tokio, cpu),
                enters,
                median(self.of(kind, |round| round.busy.0)),
                median(self.of(kind, |round| round.busy.1)),
            );
        }
    }
}
