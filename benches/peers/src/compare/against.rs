//! A run beside an earlier one.
//!
//! The speed of a machine is another one today than it was then, so figures are not compared as
//! they are, but by what they are of a yardstick that was measured beside them, in the same rounds.
//! It is a regression when the interval of these ratios lies wholly on the worse side of the
//! earlier one, and the median is worse by more than a small part; and when a contestant fails that
//! had figures then, however busy the machine is.

use crate::figures::{Contested, RowFigures, Run};
use crate::rows::{Figure, ROWS, Row};
use crate::statistics::{Interval, interval, ratios};
use std::fmt;

/// How much worse the median has to be at least.
const SMALLEST: f64 = 0.03;

/// What figures are measured by: the first of these that took part in both runs.
const YARDSTICKS: [&str; 3] = ["bare-ring", "bare-epoll", "tokio"];

/// What a run is beside an earlier one.
#[derive(Default)]
pub(crate) struct Against {
    /// How many contestants of rows were compared.
    pub(crate) compared: usize,
    pub(crate) regressions: Vec<Regression>,
    /// What could not be compared, and why.
    pub(crate) open: Vec<String>,
}

/// One contestant that is worse in a row than it was.
pub(crate) struct Regression {
    row: &'static Row,
    contestant: String,
    how: Worse,
}

enum Worse {
    /// It has failed, for this reason.
    Failed(String),
    /// Its figure is a worse part of the yardstick's.
    Figure { yardstick: &'static str, before: Interval, now: Interval },
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, contestant, how } = self;
        write!(f, "{}: {contestant} ", row.name)?;
        match how {
            Worse::Failed(why) => write!(f, "had figures, and failed now: {why}"),
            Worse::Figure { yardstick, before, now } => {
                let figure = row.figure.name();
                write!(f, "has {:.3} ({:.3}..{:.3})", now.median, now.low, now.high)?;
                write!(f, " of {yardstick}'s {figure}, and had {:.3}", before.median)?;
                write!(f, " ({:.3}..{:.3})", before.low, before.high)
            }
        }
    }
}

impl Against {
    /// Puts `now` beside `before`, in the rows that are in both.
    pub(crate) fn of(before: &Run, now: &Run) -> Self {
        let mut this = Self::default();
        for row in &ROWS {
            let (Some(then), Some(today)) = (before.row(row.name), now.row(row.name)) else {
                continue;
            };
            this.failures(row, then, today, &now.settings.contestants);
            if then.busy > before.settings.busy || today.busy > now.settings.busy {
                this.open.push(format!("{}: the machine was busy", row.name));
            } else {
                this.figures(row, then, today);
            }
        }
        this
    }

    /// What had figures, and has none although it is `asked` for.
    fn failures(
        &mut self,
        row: &'static Row,
        then: &RowFigures,
        today: &RowFigures,
        asked: &[String],
    ) {
        let had = then.contestants.iter().filter(|one| one.has_taken_part());
        for Contested { name, .. } in had.filter(|one| asked.contains(&one.name)) {
            if took_part(today, name).is_some() {
                continue;
            }
            let why = today.contestant(name).and_then(|now| now.failed.as_deref());
            let how = Worse::Failed(why.unwrap_or("it takes no part any more").to_owned());
            self.regressions.push(Regression { row, contestant: name.clone(), how });
        }
    }

    fn figures(&mut self, row: &'static Row, then: &RowFigures, today: &RowFigures) {
        let both = |name: &str| Some((took_part(then, name)?, took_part(today, name)?));
        let Some((yardstick, [measure_then, measure_now])) =
            YARDSTICKS.iter().find_map(|name| both(name).map(|(a, b)| (*name, [a, b])))
        else {
            self.open.push(format!("{}: none of {YARDSTICKS:?} is in both runs", row.name));
            return;
        };
        for name in today.contestants.iter().map(|one| &one.name).filter(|one| **one != yardstick) {
            let Some((contestant_then, contestant_now)) = both(name) else { continue };
            let all = [measure_then, measure_now, contestant_then, contestant_now];
            if let Some(why) = all.iter().find_map(|one| row.figure.moot(one)) {
                self.open.push(format!("{}: {name}: {why}", row.name));
                continue;
            }
            let before = of_yardstick(contestant_then, measure_then, row.figure);
            let now = of_yardstick(contestant_now, measure_now, row.figure);
            let (Some(before), Some(now)) = (before, now) else {
                self.open.push(format!("{}: {name}: too few rounds", row.name));
                continue;
            };
            self.compared += 1;
            if is_worse(before, now, row.figure.more_is_better()) {
                let how = Worse::Figure { yardstick, before, now };
                self.regressions.push(Regression { row, contestant: name.clone(), how });
            }
        }
    }
}

/// The contestant of that name, if it took part to the end.
fn took_part<'a>(row: &'a RowFigures, name: &str) -> Option<&'a Contested> {
    row.contestant(name).filter(|contestant| contestant.has_taken_part())
}

fn of_yardstick(contestant: &Contested, yardstick: &Contested, figure: Figure) -> Option<Interval> {
    let all = |one: &Contested| one.all(|measured| figure.of(measured));
    interval(&ratios(&all(contestant), &all(yardstick)))
}

pub(super) fn is_worse(before: Interval, now: Interval, more_is_better: bool) -> bool {
    match more_is_better {
        true => now.high < before.low && now.median < before.median * (1.0 - SMALLEST),
        false => now.low > before.high && now.median > before.median * (1.0 + SMALLEST),
    }
}
