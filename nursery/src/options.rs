//! `Options`: how to open a nursery.

use nestling_runtime::lowlevel::Instant;

/// How to open a nursery with [`nursery_with`](crate::nursery_with) or
/// [`nursery_all_with`](crate::nursery_all_with).
///
/// A canceller that is older than its nursery is no option, but what the body begins with: see
/// [`cancel_with`](crate::Nursery::cancel_with).
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Options, io::nursery_with};
/// use nestling_runtime::time::Instant;
/// use std::time::Duration;
///
/// let deadline = Some(Instant::now() + Duration::from_secs(5));
/// let all = Options { name: Some("server"), slots: Some(1024), ..Options::default() };
/// let options = Options { deadline, ..all };
/// let result = nestling_runtime::block_on(nursery_with(options, async |n| {
///     n.slot().await.spawn(async { Ok(()) });
///     Ok("done")
/// }));
/// assert_eq!(result.unwrap(), "done");
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The name of the nursery in dumps and events. Without one, they show where it was opened.
    pub name: Option<&'static str>,
    /// How many [slots](crate::Nursery::slot) there are: so many children that were given a slot,
    /// or were started with [`try_spawn`](crate::Nursery::try_spawn), are alive at a time. `None`
    /// is no limit; zero counts as one.
    ///
    /// Slots are no limit for plain [`spawn`](crate::Nursery::spawn). That neither waits nor fails,
    /// so it could only refuse without a word; and if its children took slots, a spawned loop that
    /// asks for a slot for each connection would itself hold a slot that it waits for.
    pub slots: Option<usize>,
    /// The former name of `slots`, in force where that is `None`.
    #[deprecated(note = "it is a number of slots, and no limit for `spawn`: set `slots`")]
    pub limit: Option<usize>,
    /// When the nursery is cancelled; see [`set_deadline`](crate::Nursery::set_deadline).
    pub deadline: Option<Instant>,
}

impl Options {
    /// How many slots there are.
    pub(crate) fn slot_count(&self) -> usize {
        #[expect(deprecated, reason = "it is in force where the new name is not used")]
        let limit = self.limit;
        self.slots.or(limit).unwrap_or(usize::MAX).max(1)
    }
}
