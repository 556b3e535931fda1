//! `Limit`: how much a whole program does at once, whichever of its cores does it.

use nestling_runtime::lowlevel::remote::channel::{Receiver, Sender, channel};
use std::fmt;
use std::sync::Arc;

/// A number of permits that all cores have in common. Clones are the same limit.
///
/// One for all cores, and not a share for each: the kernel spreads connections by a hash, so with
/// shares one core would refuse clients while the others have room.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Limit, Serve};
///
/// let limit = Limit::new(10_000);
/// let how: Serve = Serve { shared: Some(limit.clone()), ..Serve::default() };
/// nestling_runtime::block_on(async {
///     let _permit = limit.permit().await; // what else counts as a connection
///     assert_eq!(limit.in_use(), 1);
/// });
/// ```
#[derive(Clone)]
pub struct Limit {
    most: usize,
    /// Holds a token for each permit: when it is full, sending another waits, on any core, and in
    /// the order of asking.
    tokens: Sender<()>,
    taken: Arc<Receiver<()>>,
}

/// The right to go on, from a [`Limit`], until it is dropped; it may be dropped on another core.
///
/// # Examples
///
/// See [`Limit`].
#[must_use = "the limit has it back when it is dropped"]
pub struct Permit {
    taken: Arc<Receiver<()>>,
}

impl Limit {
    /// A limit of so many permits.
    ///
    /// # Panics
    ///
    /// If there are none: nothing would ever go on.
    pub fn new(permits: usize) -> Self {
        assert!(permits > 0, "a limit of no permits lets nothing go on: have one at least");
        let (tokens, taken) = channel(permits);
        Self { most: permits, tokens, taken: Arc::new(taken) }
    }

    /// Waits for a permit. Permits are given in the order of asking, on whichever core.
    ///
    /// # Cancellation
    ///
    /// A drop point. A future that is dropped takes none.
    pub async fn permit(&self) -> Permit {
        if self.tokens.send(()).await.is_err() {
            unreachable!("the channel is open while there is a receiver, which is in here");
        }
        Permit { taken: Arc::clone(&self.taken) }
    }

    /// How many permits are in use now.
    pub fn in_use(&self) -> usize {
        self.taken.len()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // A token is in the channel: this permit's, or another that stands for it.
        let _ = self.taken.try_recv();
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Limit");
        f.field("permits", &self.most).field("in_use", &self.in_use()).finish()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
