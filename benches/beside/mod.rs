//! Contenders side by side, in rounds that each run all of them: so a machine whose speed drifts is
//! the same for each, and a ratio is the median of those within a round.

use nix::time::{ClockId, clock_gettime};
use std::io;
use std::time::{Duration, Instant};

/// What a round of one contender took.
#[derive(Debug, Clone, Copy)]
struct Took {
    time: Duration,
    /// Of all threads of the process: those of a pool, and the kernel's for a ring, as well.
    cpu: Duration,
}

/// Name, and what does the work once.
pub(crate) type Contender<'a> = (&'static str, Box<dyn FnMut() -> io::Result<()> + 'a>);

/// How many rounds to run, if this is `cargo bench`: what the command line says, or `default`.
pub(crate) fn rounds(default: usize) -> Option<usize> {
    let mut arguments = std::env::args().skip(1);
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let said = arguments.find_map(|argument| argument.parse().ok());
    is_bench.then(|| said.unwrap_or(default).max(1))
}

fn cpu() -> Duration {
    let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    used.expect("each process has such a clock").into()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs so many rounds, and prints what one of `units` takes, and how many times as much as with
/// the first contender.
pub(crate) fn compare(title: &str, units: u64, rounds: usize, contenders: &mut [Contender<'_>]) {
    let mut took = vec![Vec::with_capacity(rounds); contenders.len()];
    // The first round only warms up.
    for round in 0..=rounds {
        for ((name, work), took) in contenders.iter_mut().zip(&mut took) {
            let (start, before) = (Instant::now(), cpu());
            work().unwrap_or_else(|error| panic!("{name}: {error}"));
            let one = Took { time: start.elapsed(), cpu: cpu() - before };
            if round > 0 {
                took.push(one);
            }
        }
    }
    println!("\n{title}: {rounds} rounds");
    println!("{:10} {:>9} {:>9} {:>9} {:>9}", "", "ns", "/first", "CPU ns", "/first");
    for ((name, _), this) in contenders.iter().zip(&took) {
        let of = |pick: fn(&Took) -> Duration| {
            let each = |took| pick(took).as_secs_f64();
            let ratios = took[0].iter().zip(this).map(|(first, this)| each(this) / each(first));
            let times = this.iter().map(|took| each(took) * 1e9 / units as f64);
            (median(times.collect()), median(ratios.collect()))
        };
        let ((time, slower), (cpu, costlier)) = (of(|took| took.time), of(|took| took.cpu));
        println!("{name:10} {time:9.0} {slower:9.2} {cpu:9.0} {costlier:9.2}");
    }
}
