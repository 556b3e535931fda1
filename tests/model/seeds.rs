//! Which plans are run: those that failed once, and then as many others as asked for.

use std::env;

/// Seeds that failed once, each with what it found. They are run first, for as long as a seed still
/// makes the same plan. When the generator changes it does not, and the fault lives on in the test
/// of its rule: `r05_kept_while_a_nursery_further_inside_waits_for_a_close` and
/// `r05_a_circle_through_a_shield_ends_at_its_bound` were found here.
pub(crate) const KEPT: &[u64] = &[
    // The model took a panic that a supervised child keeps to itself for a lost one.
    5313,
    // The model knew that what was set aside goes with its task, but not that a task behind a
    // shield in there goes too.
    7676,
    // A plan that no rule ends: a cancelled task tried again, behind a shield, what cancels itself.
    10834,
    // The model took a connect for submitted that had suspended before, for want of budget.
    402618,
];

/// How many others a run tries, unless `NESTLING_SEEDS` says so.
const TRIED: u64 = 2000;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, not {text:?}")))
}

/// The one of `NESTLING_SEED`, or all that are to be run.
pub(crate) fn seeds() -> Vec<u64> {
    if let Some(seed) = number("NESTLING_SEED") {
        return vec![seed];
    }
    let tried = 0..number("NESTLING_SEEDS").unwrap_or(TRIED);
    KEPT.iter().copied().chain(tried).collect()
}

/// Whether plans forget what is in flight. `NESTLING_FORGET=0` is for a leak checker, which takes
/// all that hangs on it for lost.
pub(crate) fn may_forget() -> bool {
    number("NESTLING_FORGET") != Some(0)
}
