//! The ring: its set-up step by step, whether it behaves, and what it does without.

use super::Check;
use crate::config::Config;
use crate::op;
use crate::ring::{Extra, POOLS, Step, TRIALS, Trial, Uring, ring_bytes};

/// Why a check was not made.
const NO_RING: &str = "not looked at, because there is no ring";

pub(super) fn examine(config: &Config) -> Vec<Check> {
    let mut passed = Vec::new();
    let needed = op::needed();
    let ring = Uring::stepwise(config, &needed, |step| passed.push(step));
    let (mut ring, mut error) = match ring {
        Ok(ring) => (Some(ring), None),
        Err(error) => (None, Some(error)),
    };
    let mut checks = Vec::new();
    for (step, name, finding) in Step::ALL {
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
    let (trial, name, finding) = POOLS;
    checks.push(attempt(config, &mut ring, trial, name, finding).noted_at_most());
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
        ring_bytes(config) / 1024
    )
}

fn attempt(
    config: &Config,
    ring: &mut Option<Uring>,
    trial: Trial,
    name: &'static str,
    finding: &str,
) -> Check {
    let Some(tried) = ring.as_mut().map(trial) else { return Check::skipped(name, NO_RING) };
    match tried {
        Ok(()) => Check::passed(name, finding),
        Err(error) => {
            // Answers may be outstanding, which must not be taken for those of the next trial.
            *ring = Uring::new(config, &op::needed()).ok();
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
