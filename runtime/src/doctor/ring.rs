//! The ring: its set-up step by step, whether it behaves, and what it does without.

use super::Check;
use crate::config::Config;
use crate::ring::{Extra, Ring, Step, explain};
use std::io;

/// The steps of making a ring, each with the words for one that went well.
const STEPS: [(Step, &str, &str); 4] = [
    (Step::Setup, "io_uring_setup", "with DEFER_TASKRUN and the other flags that are needed"),
    (Step::Features, "features", "all that are needed"),
    (Step::Operations, "operations", "all that are in use, asked with io_uring_register"),
    (Step::Enter, "io_uring_enter", "a no-operation was answered"),
];

type Trial = fn(&mut Ring) -> io::Result<()>;

/// What a ring has to do, each with the words for one that does.
const TRIALS: [(Trial, &str, &str); 4] = [
    (Ring::try_bell, "wake-up", "a multishot poll tells of each write to an eventfd"),
    (Ring::try_message, "message", "one to a ring arrives there"),
    (Ring::try_cancel, "cancel", "an armed receive ends with ECANCELED, its request with 0"),
    (Ring::try_deadline, "deadline", "the kernel comes back at it, and not before"),
];

/// Why a check was not made.
const NO_RING: &str = "not looked at, because there is no ring";

pub(super) fn examine(config: &Config) -> Vec<Check> {
    let mut passed = Vec::new();
    let ring = Ring::stepwise(config, |step| passed.push(step));
    let (mut ring, mut error) = match ring {
        Ok(ring) => (Some(ring), None),
        Err(error) => (None, Some(error)),
    };
    let mut checks = Vec::new();
    for (step, name, finding) in STEPS {
        checks.push(match error.take_if(|_| !passed.contains(&step)) {
            Some(error) => Check::failed(name, &error),
            None if !passed.contains(&step) => Check::skipped(name, NO_RING),
            None if step == Step::Setup => Check::passed(name, size(config, finding)),
            None => Check::passed(name, finding),
        });
    }
    for (trial, name, finding) in TRIALS {
        checks.push(attempt(config, &mut ring, trial, name, finding));
    }
    match &ring {
        Some(ring) => checks.extend(ring.extras().iter().map(extra)),
        None => checks.push(Check::skipped("extras", NO_RING)),
    }
    checks
}

fn size(config: &Config, flags: &str) -> String {
    format!(
        "{} submission and {} completion entries, {} KiB, {flags}",
        config.entries,
        config.completions,
        explain::ring_bytes(config) / 1024
    )
}

fn attempt(
    config: &Config,
    ring: &mut Option<Ring>,
    trial: Trial,
    name: &'static str,
    finding: &str,
) -> Check {
    let Some(tried) = ring.as_mut().map(trial) else { return Check::skipped(name, NO_RING) };
    match tried {
        Ok(()) => Check::passed(name, finding),
        Err(error) => {
            // Answers may be outstanding, which must not be taken for those of the next trial.
            *ring = Ring::new(config).ok();
            Check::failed(name, &error)
        }
    }
}

fn extra(extra: &Extra) -> Check {
    match extra.present {
        true => Check::passed(extra.name, extra.gain),
        false => {
            let finding =
                format!("missing (Linux {}); in its place: {}", extra.since, extra.instead);
            Check::noted(extra.name, finding)
        }
    }
}
