//! Contenders side by side: rounds of all alternate, and what counts is the median.
//!
//! Not Criterion: that runs one contender to its end and then the next, and on a machine whose
//! speed drifts the last one wins. A ratio here is the median of the ratios within a round.

#[path = "arguments.rs"]
mod arguments;

use std::time::Duration;

/// Rounds of one comparison, if the command line does not say (`-- --rounds 100`).
const ROUNDS: usize = 31;

/// Who takes part: name, and a function that does the work once and says how long it took.
pub(crate) type Contender<'a> = (&'static str, Box<dyn FnMut() -> Duration + 'a>);

/// How many rounds to run; `None` when this is not `cargo bench`.
pub(crate) fn rounds() -> Option<usize> {
    arguments::option("--rounds", ROUNDS)
}

/// Runs so many rounds of all contenders and prints what one of `units` took each, and the first
/// contender's share of that. Returns the medians, in nanoseconds.
pub(crate) fn compare(
    title: &str,
    units: u64,
    rounds: usize,
    contenders: &mut [Contender<'_>],
) -> Vec<f64> {
    let mut measured = vec![Vec::with_capacity(rounds); contenders.len()];
    // The first round only warms up.
    for round in 0..=rounds {
        for ((_, run), times) in contenders.iter_mut().zip(&mut measured) {
            let time = run().as_secs_f64() * 1e9 / units as f64;
            if round > 0 {
                times.push(time);
            }
        }
    }
    println!("\n{title}: {rounds} rounds");
    println!("{:18} {:>10} {:>23} {:>10}", "", "median ns", "(least .. most)", "first/this");
    let mut medians = Vec::new();
    for ((name, _), times) in contenders.iter().zip(&measured) {
        let ratios = measured[0].iter().zip(times).map(|(first, this)| first / this).collect();
        let range = sorted(times.clone());
        let range = format!("({:.1} .. {:.1})", range[0], range[rounds - 1]);
        let median = median(times.clone());
        println!("{name:18} {median:10.1} {range:>23} {:10.3}", self::median(ratios));
        medians.push(median);
    }
    medians
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: Vec<f64>) -> f64 {
    sorted(values.clone())[values.len() / 2]
}
