//! Random tests: `Random`, the numbers of a seed (splitmix64), the same on every machine; and which
//! seeds are run.

use std::env;
use std::ops::Range;
use std::time::Duration;

/// The number that a variable of the environment holds, if it is set.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, not {text:?}")))
}

/// The one seed that is asked for, by `NESTLING_SEED`.
pub(crate) fn one_seed() -> Option<u64> {
    number("NESTLING_SEED")
}

/// The seeds to be run: these; or as many from the first as `NESTLING_SEEDS` says; or the one that
/// is asked for.
pub(crate) fn seeds(usual: Range<u64>) -> Range<u64> {
    match (one_seed(), number("NESTLING_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => usual.start..usual.start + count,
        (None, None) => usual,
    }
}

/// Whether what is random may forget futures that are in flight. `NESTLING_FORGET=0` is for a leak
/// checker, which takes all that hangs on them for lost.
pub(crate) fn may_forget() -> bool {
    number("NESTLING_FORGET") != Some(0)
}

#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn micros(&mut self, limit: usize) -> Duration {
        Duration::from_micros(self.below(limit) as u64)
    }
}
