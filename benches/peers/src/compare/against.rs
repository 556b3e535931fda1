//! A run beside an earlier one.
//!
//! The speed of a machine is another one today than it was then, so figures are not compared as
//! they are, but by what they are of a yardstick that was measured beside them, in the same rounds.
//! It is a regression when the interval of these ratios lies wholly on the worse side of the
//! earlier one, and the median is worse by more than a small part.

use crate::figures::{RowFigures, Run};
use crate::rows::{Figure, ROWS};
use crate::statistics::{Interval, interval, ratios};
use std::fmt;

/// How much worse the median has to be at least.
const SMALLEST: f64 = 0.03;

/// What figures are measured by: the first of these that took part in both runs.
const YARDSTICKS: [&str; 3] = ["bare-ring", "bare-epoll", "tokio"];

/// One contestant that is worse than it was.
pub(crate) struct Regression {
    row: String,
    contestant: String,
    yardstick: &'static str,
    figure: Figure,
    before: Interval,
    now: Interval,
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, contestant, yardstick, figure, before, now } = self;
        write!(f, "{row}: {contestant} has {:.3} ({:.3}..{:.3})", now.median, now.low, now.high)?;
        write!(f, " of {yardstick}'s {}, and had {:.3}", figure.name(), before.median)?;
        write!(f, " ({:.3}..{:.3})", before.low, before.high)
    }
}

/// What is worse in `now` than it was in `before`; and rows that cannot be compared, with why.
pub(crate) fn regressions(before: &Run, now: &Run) -> (Vec<Regression>, Vec<String>) {
    let (mut worse, mut open) = (Vec::new(), Vec::new());
    for row in &ROWS {
        let (Some(then), Some(today)) = (before.row(row.name), now.row(row.name)) else { continue };
        if then.busy > before.settings.busy || today.busy > now.settings.busy {
            open.push(format!("{}: the machine was busy", row.name));
            continue;
        }
        let has = |figures: &RowFigures, name: &str| {
            figures.contestant(name).is_some_and(|contestant| !contestant.rounds.is_empty())
        };
        let both = |name: &&&str| has(then, name) && has(today, name);
        let Some(yardstick) = YARDSTICKS.iter().find(both) else {
            open.push(format!("{}: none of {YARDSTICKS:?} is in both runs", row.name));
            continue;
        };
        for contestant in today.contestants.iter().filter(|one| one.name != *yardstick) {
            let of = |figures| of_yardstick(figures, &contestant.name, yardstick, row.figure);
            if !has(then, &contestant.name) || contestant.rounds.is_empty() {
                continue;
            }
            let (Some(before), Some(now)) = (of(then), of(today)) else {
                open.push(format!("{}: too few rounds", row.name));
                break;
            };
            if is_worse(before, now, row.figure.more_is_better()) {
                let (row_name, contestant) = (row.name.to_owned(), contestant.name.clone());
                let figure = row.figure;
                worse.push(Regression {
                    row: row_name,
                    contestant,
                    yardstick,
                    figure,
                    before,
                    now,
                });
            }
        }
    }
    (worse, open)
}

fn of_yardstick(
    row: &RowFigures,
    contestant: &str,
    yardstick: &str,
    figure: Figure,
) -> Option<Interval> {
    let all = |name| Some(row.contestant(name)?.all(|measured| figure.of(measured)));
    interval(&ratios(&all(contestant)?, &all(yardstick)?))
}

pub(super) fn is_worse(before: Interval, now: Interval, more_is_better: bool) -> bool {
    match more_is_better {
        true => now.high < before.low && now.median < before.median * (1.0 - SMALLEST),
        false => now.low > before.high && now.median > before.median * (1.0 + SMALLEST),
    }
}
