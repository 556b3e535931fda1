//! Medians, their intervals, and when a difference is called real.
//!
//! Rounds of all contestants alternate, so what is looked at is the ratio of two contestants within
//! a round: what the machine does in the meantime cancels out. The interval of the median of these
//! ratios is that of the sign test: of the ratios in order, the smallest rank from both ends for
//! which the true median lies between with at least 95 %. It assumes no distribution. It needs six
//! rounds, of which it then takes the least and the most.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// How far from 1 a ratio has to be at least: what is smaller is called equal, however sure.
///
/// The same program twice is further apart than the rounds of one run say: where its pages are and
/// which ports its connections have is decided anew for each process.
const SMALLEST: f64 = 0.01;

/// How far apart the ends of an interval may be of which nothing but "equal" can be said: one that
/// is wider says nothing.
const WIDEST: f64 = 2.0;

/// How often the interval may miss the true median.
const MISS: f64 = 0.05;

/// A median and between what it lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

/// What can be said of one contestant beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Better,
    Worse,
    /// No difference is shown.
    Equal,
    /// There are too few rounds to say anything, or they are too far apart.
    Open,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Better => "ahead",
            Self::Worse => "behind",
            Self::Equal => "equal",
            Self::Open => "-",
        }
    }
}

/// The figure in the middle; not a number if there is none.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let ordered = sorted(figures);
    let middle = ordered.len() / 2;
    match ordered.len() % 2 {
        _ if ordered.is_empty() => f64::NAN,
        1 => ordered[middle],
        _ => f64::midpoint(ordered[middle - 1], ordered[middle]),
    }
}

/// The least and the most.
pub(crate) fn range(figures: &[f64]) -> (f64, f64) {
    let ordered = sorted(figures);
    match (ordered.first(), ordered.last()) {
        (Some(least), Some(most)) => (*least, *most),
        _ => (f64::NAN, f64::NAN),
    }
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut ordered = figures.to_vec();
    ordered.sort_by(f64::total_cmp);
    ordered
}

/// The interval of the median; `None` if the figures are too few for one.
pub(crate) fn interval(figures: &[f64]) -> Option<Interval> {
    let ordered = sorted(figures);
    let rank = rank(ordered.len())?;
    let (low, high) = (ordered[rank], ordered[ordered.len() - 1 - rank]);
    Some(Interval { low, median: median(figures), high })
}

/// How many figures may be left out at each end.
fn rank(count: usize) -> Option<usize> {
    let half = 0.5_f64.powi(count as i32);
    // How often so many of that many coins, or fewer, show heads; then one more.
    let (mut at_most, mut exactly) = (half, half);
    let mut rank = None;
    for heads in 0..count / 2 {
        if 2.0 * at_most > MISS {
            break;
        }
        rank = Some(heads);
        exactly *= (count - heads) as f64 / (heads + 1) as f64;
        at_most += exactly;
    }
    rank
}

/// The ratios of two contestants' figures, round by round.
pub(crate) fn ratios(these: &[f64], others: &[f64]) -> Vec<f64> {
    these.iter().zip(others).map(|(this, other)| this / other).collect()
}

/// What ratios say of the first contestant; `more_is_better` is how the figure is read.
pub(crate) fn verdict(ratios: &[f64], more_is_better: bool) -> Verdict {
    let Some(interval) = interval(ratios) else { return Verdict::Open };
    let (more, less) = match more_is_better {
        true => (Verdict::Better, Verdict::Worse),
        false => (Verdict::Worse, Verdict::Better),
    };
    match interval {
        Interval { low, .. } if low > 1.0 + SMALLEST => more,
        Interval { high, .. } if high < 1.0 - SMALLEST => less,
        Interval { low, high, .. } if high > WIDEST * low => Verdict::Open,
        _ => Verdict::Equal,
    }
}
