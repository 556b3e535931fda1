//! `NurseryStats`: what is counted of the nurseries of one name.

use crate::counters::Count;
use crate::label::Label;

/// What the nurseries of one name have done; see [`Metrics::nurseries`](super::Metrics::nurseries).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::{Runtime, inspect::instrument, metrics::Metrics};
/// let metrics = Metrics::new();
/// let counted = instrument(metrics.count_tasks());
/// Runtime::builder().metrics(&metrics).build()?.block_on(async { /* a server */ });
/// for nursery in metrics.nurseries() {
///     let (open, alive) = (nursery.opened - nursery.closed, nursery.spawned - nursery.ended);
///     println!("{}: {open} open, with {alive} children", nursery.name);
/// }
/// # drop(counted);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NurseryStats {
    /// The name, or file and line.
    pub name: String,
    /// Nurseries that were opened.
    pub opened: u64,
    /// Of these nurseries, how many were closed, or ended with their core.
    pub closed: u64,
    /// Children that were spawned.
    pub spawned: u64,
    /// Of these children, how many have ended, by themselves or with their core.
    pub ended: u64,
    /// Errors of children and of bodies, except those that come of a cancellation.
    pub failures: u64,
    /// Children and bodies that have panicked.
    pub panics: u64,
    /// Nurseries that were cancelled by themselves, or by a failure in them; not with the nursery
    /// around.
    pub cancels: u64,
}

impl NurseryStats {
    /// The sum of two, with the name of the first.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            name: self.name,
            opened: self.opened + other.opened,
            closed: self.closed + other.closed,
            spawned: self.spawned + other.spawned,
            ended: self.ended + other.ended,
            failures: self.failures + other.failures,
            panics: self.panics + other.panics,
            cancels: self.cancels + other.cancels,
        }
    }

    /// The numbers after the core has ended: nothing is open any more.
    pub(super) fn at_end(self) -> Self {
        Self { closed: self.opened, ended: self.spawned, ..self }
    }
}

/// What nurseries are counted by.
pub(super) fn name_of(label: Label) -> String {
    let place = label.place();
    match label.name() {
        Some(name) => name.to_owned(),
        None => format!("{}:{}", place.file(), place.line()),
    }
}

/// The numbers of [`NurseryStats`], on the thread that counts them.
#[derive(Debug, Default)]
pub(super) struct NurseryCounts {
    pub(super) opened: Count,
    pub(super) closed: Count,
    pub(super) spawned: Count,
    pub(super) ended: Count,
    pub(super) failures: Count,
    pub(super) panics: Count,
    pub(super) cancels: Count,
}

impl NurseryCounts {
    /// What was counted up to now. No end is among it without its begin.
    pub(super) fn read(&self, name: String) -> NurseryStats {
        let (closed, ended) = (self.closed.get(), self.ended.get());
        NurseryStats {
            name,
            opened: self.opened.get(),
            closed,
            spawned: self.spawned.get(),
            ended,
            failures: self.failures.get(),
            panics: self.panics.get(),
            cancels: self.cancels.get(),
        }
    }
}
