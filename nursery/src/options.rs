//! `Options`: what a nursery can be told when it is opened.

use nestling_runtime::lowlevel::Instant;

/// How to open a nursery with [`nursery_with`](crate::nursery_with).
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Options, nursery_with};
/// use nestling_runtime::time::Instant;
/// use std::time::Duration;
///
/// let deadline = Some(Instant::now() + Duration::from_secs(5));
/// let options = Options { name: Some("server"), limit: Some(1024), deadline };
/// let result = nestling_runtime::block_on(nursery_with(options, async |n| {
///     n.slot().await.spawn(async { Ok(()) });
///     Ok::<_, std::io::Error>("done")
/// }));
/// assert_eq!(result.unwrap(), "done");
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What it is called where it is shown. Without one, the place where it was opened is.
    pub name: Option<&'static str>,
    /// How many children that were given a [`slot`](crate::Nursery::slot), or were spawned with
    /// [`try_spawn`](crate::Nursery::try_spawn), may be alive at a time; no limit if `None`. Zero
    /// counts as one.
    pub limit: Option<usize>,
    /// When the nursery is cancelled; see [`set_deadline`](crate::Nursery::set_deadline).
    pub deadline: Option<Instant>,
}
