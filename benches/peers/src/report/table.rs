//! The table.

use crate::figures::{Contested, Measured, RowFigures, Run};
use crate::rows::{Figure, Load, ROWS, Row, Work};
use crate::statistics::{Interval, Verdict, interval, median, range, ratios, verdict};
use std::fmt::Write;

/// The contestant that all others are put beside, if it takes part.
const OURS: &str = "nestling";

const LEGEND: &str = "\
Each figure is the median of the rounds, with the least and the most in brackets. `nestling / this`
is the median of the ratios within a round of the figure that the row is about, with its interval:
that of the sign test, which misses the true median in at most 5 of 100 cases. The word behind it
says how Nestling does beside the contestant: `ahead` or `behind` if the whole interval is on that
side of 1 and more than 1 % away, else `equal`; `-` if nothing can be concluded. `CPU` is the
contestant's CPU time for one unit, in the kernel and outside; `calls` are its system calls for one
unit, counted by the kernel's trace points in a round of their own, `io_uring_enter` among them in
brackets. `busy` and `load` are the shares of their cores that the contestant and the load had.
What each row means: [BENCHMARKS.md](../BENCHMARKS.md).
";

/// The whole page.
pub(super) fn markdown(run: &Run, pictures: &[(&str, &str)]) -> String {
    let mut page = String::from("# Nestling beside its peers\n\n");
    about(&mut page, run);
    page.push_str(LEGEND);
    for (file, title) in pictures {
        let _ = write!(page, "\n![{title}]({file})\n");
    }
    for row in &ROWS {
        if let Some(figures) = run.row(row.name) {
            section(&mut page, row, figures, figures.busy > run.settings.busy);
        }
    }
    page
}

/// On what it was measured.
fn about(page: &mut String, run: &Run) {
    let machine = &run.machine;
    let busiest = run.rows.iter().map(|row| row.busy).fold(0.0, f64::max);
    let what = if machine.is_virtual { "virtual processors" } else { "processors" };
    let _ = write!(
        page,
        "Written by `compare`; do not edit.\n\n\
         {} {what}, {}; Linux {}; frequency governor: {}; congestion control: {}. The server had \
         processor {}, the load {}. {} rounds of {} s. Before the rows, others took at most \
         {:.1} % of the processors' time; beyond {:.1} % nothing is concluded.\n\n",
        machine.processors,
        machine.processor,
        machine.kernel,
        machine.governor,
        machine.congestion_control,
        machine.cores[0],
        machine.cores[1],
        run.settings.rounds,
        run.settings.seconds,
        busiest * 100.0,
        run.settings.busy * 100.0,
    );
    if busiest > run.settings.busy {
        page.push_str("**The machine was busy: rows that say so conclude nothing.**\n\n");
    }
    if !machine.optimised {
        page.push_str("**Built without optimisation: the figures mean nothing.**\n\n");
    }
}

fn section(page: &mut String, row: &Row, figures: &RowFigures, busy: bool) {
    let _ = write!(page, "\n## {} (`{}`)\n\n", row.title, row.name);
    if let Some(offered) = figures.offered {
        let _ = write!(page, "Offered: {} messages a second. ", count(offered));
    }
    let _ = writeln!(page, "The row is about {}; a unit is a {}.\n", row.figure.name(), row.unit);
    if busy {
        let share = figures.busy * 100.0;
        let _ = writeln!(page, "The machine was busy ({share:.0} %): nothing is concluded.\n");
    }
    let ours = figures.contestant(OURS).filter(|ours| !ours.rounds.is_empty());
    let columns = Columns::of(row);
    columns.head(page);
    for contestant in figures.contestants.iter().filter(|one| !one.rounds.is_empty()) {
        let beside = match ours {
            Some(ours) if ours.name != contestant.name => beside(row, ours, contestant, busy),
            _ => String::new(),
        };
        columns.line(page, contestant, &beside);
    }
    for contestant in &figures.contestants {
        notes(page, row, contestant);
    }
}

/// How Nestling does beside a contestant.
fn beside(row: &Row, ours: &Contested, this: &Contested, busy: bool) -> String {
    let all = |one: &Contested| one.all(|measured| row.figure.of(measured));
    let ratios = ratios(&all(ours), &all(this));
    let figure = row.figure;
    let is_moot = |one| figure.moot(one).is_some();
    let word = match verdict(&ratios, figure.more_is_better()) {
        _ if busy || is_moot(ours) || is_moot(this) => Verdict::Open,
        word => word,
    };
    let median = median(&ratios);
    match interval(&ratios) {
        Some(Interval { low, high, .. }) => {
            format!("{median:.3} ({low:.3}..{high:.3}) {}", word.name())
        }
        None => format!("{median:.3} {}", word.name()),
    }
}

/// What is to be said of a contestant besides its figures.
fn notes(page: &mut String, row: &Row, contestant: &Contested) {
    let name = &contestant.name;
    if let Some(failed) = &contestant.failed {
        let _ = match contestant.rounds.len() {
            0 => writeln!(page, "\n`{name}` takes no part: {failed}."),
            rounds => writeln!(page, "\n`{name}` failed after {rounds} rounds: {failed}."),
        };
    }
    if contestant.is_limited() && !contestant.rounds.is_empty() {
        let _ = writeln!(
            page,
            "\n`{name}`: the load was busier than the contestant, so that its CPU time means \
             something and its rate does not."
        );
    }
    if let Some(late) = contestant.late() {
        let late = late / 1e3;
        let _ = writeln!(page, "\n`{name}`: the load itself was late, by {late:.0} us at p99.");
    }
    if row.work == Work::Timers && !contestant.rounds.is_empty() {
        let bytes = median(&contestant.all(|measured| measured.memory));
        let _ = writeln!(page, "\n`{name}`: {bytes:.0} bytes a timer while all are armed.");
    }
}

/// Which columns a row has.
struct Columns {
    memory: bool,
    latency: bool,
    load: bool,
}

impl Columns {
    fn of(row: &Row) -> Self {
        Self {
            memory: row.figure == Figure::Memory,
            latency: matches!(row.load, Load::Closed { .. } | Load::Open { .. }),
            load: !matches!(row.load, Load::Own { .. }),
        }
    }

    fn head(&self, page: &mut String) {
        let mut names = vec!["contestant"];
        match self.memory {
            true => names.push("bytes"),
            false => names.extend(["units/s", "CPU ns", "calls"]),
        }
        if self.latency {
            names.extend(["p50 us", "p99 us", "p99.9 us"]);
        }
        if !self.memory {
            names.push("busy");
            if self.load {
                names.push("load");
            }
        }
        names.push("nestling / this");
        let rule: Vec<_> = names.iter().map(|_| "---").collect();
        let _ = writeln!(page, "| {} |\n| {} |", names.join(" | "), rule.join(" | "));
    }

    fn line(&self, page: &mut String, contestant: &Contested, beside: &str) {
        let of = |figure: fn(&Measured) -> Option<f64>| contestant.all(figure);
        let mut cells = vec![contestant.name.clone()];
        if self.memory {
            cells.push(spread(&of(|measured| measured.memory)));
        } else {
            cells.push(spread(&of(|measured| Some(measured.rate))));
            cells.push(spread(&of(|measured| Some(measured.cpu))));
            let calls = contestant.calls.as_ref();
            cells.push(
                calls.map_or("-".to_owned(), |calls| {
                    format!("{:.3} ({:.3})", calls.all, calls.enters)
                }),
            );
        }
        if self.latency {
            for percentile in 0..3 {
                let times = contestant.all(|measured| Some(measured.latency?.usual()[percentile]));
                cells.push(format!("{:.1}", median(&times) / 1e3));
            }
        }
        if !self.memory {
            cells.push(format!("{:.2}", median(&of(|measured| Some(measured.busy)))));
            if self.load {
                let load = of(|measured| measured.load);
                cells.push(match load.is_empty() {
                    true => "spins".to_owned(),
                    false => format!("{:.2}", median(&load)),
                });
            }
        }
        cells.push(beside.to_owned());
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
}

/// The median, and what it lies between.
fn spread(figures: &[f64]) -> String {
    let (least, most) = range(figures);
    format!("{} ({}..{})", count(median(figures)), count(least), count(most))
}

/// A number with as many digits as can be told apart.
fn count(number: f64) -> String {
    match number.abs() {
        size if size >= 1e6 => format!("{:.2} M", number / 1e6),
        size if size >= 1e4 => format!("{:.1} k", number / 1e3),
        size if size >= 100.0 => format!("{number:.0}"),
        _ => format!("{number:.1}"),
    }
}
