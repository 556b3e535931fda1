//! What is concluded of a run, and what is a regression.

mod made;
mod written;

use super::against::is_worse;
use super::{Against, Comparison};
use crate::arguments::Compare;
use crate::contestants::Contestant;
use crate::figures::{Contested, Run};
use crate::report;
use crate::statistics::Interval;
use made::{contested, failed, late, limited, run};
use std::{env, fs, process};

#[test]
fn what_is_worse_beyond_the_spread_is_a_regression() {
    let around = |median: f64| Interval { low: median - 0.02, median, high: median + 0.02 };
    assert!(is_worse(around(1.0), around(0.9), true));
    assert!(is_worse(around(0.9), around(1.0), false));
    // Better is no regression, nor is what lies within the spread, or is small.
    assert!(!is_worse(around(0.9), around(1.0), true));
    assert!(!is_worse(around(1.0), around(0.965), true));
    assert!(!is_worse(around(0.965), around(1.0), false));
    let narrow = |median: f64| Interval { low: median - 0.001, median, high: median + 0.001 };
    assert!(!is_worse(narrow(1.0), narrow(0.98), true));
}

/// A run of Nestling beside two others.
fn with(nestling: Contested) -> Run {
    run("echo-64", vec![contested("bare-ring", 1e5), nestling, contested("tokio", 8e4)])
}

#[test]
fn a_contestant_that_fails_is_a_regression() {
    let before = with(contested("nestling", 9e4));
    assert_eq!(crate::against(&before, &before), Ok(()));
    for rounds in [0, 3, 7] {
        let mut now = with(failed("nestling", rounds));
        for busy in [0.0, 1.0] {
            now.rows[0].busy = busy;
            let error = crate::against(&before, &now).expect_err("it has failed");
            assert!(error.contains("nestling had figures, and failed now: ended with"), "{error}");
        }
        // One that has failed then as well is no worse.
        assert_eq!(Against::of(&now, &now).regressions.len(), 0);
    }
    // One that was asked for and is not there has failed; one that was not asked for has not.
    let mut now = before.clone();
    now.rows[0].contestants.remove(1);
    assert_eq!(Against::of(&before, &now).regressions.len(), 1);
    now.settings.contestants.remove(1);
    assert_eq!(Against::of(&before, &now).regressions.len(), 0);
    // The yardstick, too; the next one takes its place.
    let mut now = before.clone();
    now.rows[0].contestants[0] = failed("bare-ring", 0);
    let Against { compared, regressions, .. } = Against::of(&before, &now);
    assert_eq!((compared, regressions.len()), (1, 1));
}

#[test]
fn to_compare_nothing_is_no_success() {
    let before = with(contested("nestling", 9e4));
    let mut busy = before.clone();
    busy.rows[0].busy = 1.0;
    let mut short = before.clone();
    short.rows[0].contestants.iter_mut().for_each(|one| one.rounds.truncate(5));
    let other = run("echo-1", vec![contested("bare-ring", 1e5), contested("nestling", 9e4)]);
    let alone = run("echo-64", vec![contested("nestling", 9e4)]);
    for now in [busy, short, other, alone] {
        let error = crate::against(&before, &now).expect_err("nothing was compared");
        assert!(error.starts_with("nothing was compared"), "{error}");
    }
}

#[test]
fn a_contestant_with_few_rounds_hides_no_other() {
    let before = with(contested("nestling", 9e4));
    let mut now = before.clone();
    now.rows[0].contestants[1].rounds.truncate(5);
    now.rows[0].contestants[2] = contested("tokio", 6e4);
    let Against { compared, regressions, open } = Against::of(&before, &now);
    assert_eq!((compared, regressions.len()), (1, 1));
    assert_eq!(open, ["echo-64: nestling: too few rounds"]);
}

#[test]
fn latencies_under_a_late_load_are_not_compared() {
    let of = |nestling| run("open-50", vec![contested("bare-ring", 1e5), nestling]);
    let before = of(contested("nestling", 9e4));
    assert_eq!(Against::of(&before, &of(contested("nestling", 5e4))).regressions.len(), 1);
    let Against { compared, regressions, open } = Against::of(&before, &of(late("nestling", 5e4)));
    assert_eq!((compared, regressions.len()), (0, 0));
    assert_eq!(open, ["open-50: nestling: the load was late"]);
}

#[test]
fn rates_under_a_load_that_is_busier_are_not_compared() {
    let before = with(contested("nestling", 9e4));
    let Against { compared, regressions, open } =
        Against::of(&before, &with(limited("nestling", 5e4)));
    assert_eq!((compared, regressions.len()), (1, 0), "tokio is");
    assert_eq!(open, ["echo-64: nestling: the load was the busier one"]);
}

#[test]
fn a_run_in_which_our_own_fails_has_failed() {
    let whole = with(contested("nestling", 9e4));
    assert_eq!(crate::run_whole(&whole), Ok(()));
    for name in ["nestling", "nestling-leases", "bare-epoll"] {
        let error = crate::run_whole(&with(failed(name, 7))).expect_err("it has failed");
        assert!(error.contains(name), "{error}");
    }
    assert_eq!(crate::run_whole(&with(failed("monoio", 0))), Ok(()));
}

#[test]
fn a_run_goes_on_only_as_it_was() {
    let two = vec![Contestant::Nestling, Contestant::Tokio];
    let options = Compare { cores: Some([0, 1]), contestants: two, ..Compare::default() };
    let begun = Comparison::new(&options, None).map_err(drop).expect("nothing is in the way").run;
    let goes_on = |options: &Compare, run: Run| Comparison::new(options, Some(run)).is_ok();
    assert!(goes_on(&options, begun.clone()));
    let more = Compare { only: vec!["files".to_owned()], ..options.clone() };
    assert!(goes_on(&more, begun.clone()), "--only does not change what was measured");
    let others = vec![Contestant::Nestling, Contestant::Monoio];
    for other in [
        Compare { contestants: others, ..options.clone() },
        Compare { slow: Some(Contestant::Tokio), ..options.clone() },
        Compare { rounds: Some(9), ..options.clone() },
        Compare { cores: Some([1, 0]), ..options.clone() },
    ] {
        assert!(!goes_on(&other, begun.clone()), "{other:?}");
    }
    let mut build = begun;
    build.settings.program ^= 1;
    assert!(!goes_on(&options, build), "of another build");
}

/// What the table says of Nestling beside Tokio in a row about the 99th percentile.
fn word(nestling: Contested, tokio: Contested) -> String {
    let folder = env::temp_dir().join(format!("nestling-table-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let page = report::write(&run("open-50", vec![nestling, tokio]), &folder).expect("a table");
    fs::remove_dir_all(&folder).expect("it is there");
    let line = page.lines().find(|line| line.starts_with("| tokio ")).expect("it has figures");
    line.trim_end_matches(" |").rsplit(' ').next().expect("a word").to_owned()
}

#[test]
fn nothing_is_concluded_of_latency_under_a_late_load() {
    assert_eq!(word(contested("nestling", 9e4), contested("tokio", 8e4)), "ahead");
    assert_eq!(word(contested("nestling", 9e4), late("tokio", 8e4)), "-");
    assert_eq!(word(late("nestling", 9e4), contested("tokio", 8e4)), "-");
}
