//! `Spawner`: starts children of a nursery from anywhere.

use crate::child_output::ChildOutput;
use crate::nursery::{Frame, Nursery};
use nestling_runtime::lowlevel::{Door, Label};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Starts children of the nursery that has given it out, from code that knows nothing of nurseries:
/// a library that wants a function to spawn with, a pool of connections, another thread.
///
/// The nursery joins and cancels these children like all others, and their failure or panic is the
/// nursery's. The children borrow nothing. A spawner is a key and no reference: it does not hold
/// the nursery open, and once the nursery has closed, the futures come back.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Spawner, io::nursery};
/// use std::{cell::Cell, rc::Rc};
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let (log, pushed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
///     let kept: Spawner = nursery(async |n| {
///         let spawner = n.spawner();
///         let count = Rc::clone(&pushed);
///         // Not `Send`, so only on this core.
///         assert!(spawner.spawn(async move { count.set(count.get() + 1) }).is_ok());
///         // From any thread.
///         let sender = spawner.clone();
///         std::thread::spawn(move || sender.send(async || {}).is_ok()).join().unwrap();
///         Ok(spawner)
///     })
///     .await?;
///     assert_eq!(pushed.get(), 1);
///     assert!(kept.spawn(async move { log.set(1) }).is_err()); // the nursery has closed
///     Ok(())
/// })
/// # }
/// ```
pub struct Spawner<E = std::io::Error> {
    door: Door,
    error: PhantomData<fn(E)>,
}

impl<E: 'static> Nursery<'_, '_, E> {
    /// A way to start children from outside, bound to no lifetime and no thread.
    ///
    /// # Examples
    ///
    /// See [`Spawner`].
    pub fn spawner(&self) -> Spawner<E> {
        Spawner { door: Frame::door(self.shared_frame()), error: PhantomData }
    }
}

impl<E: 'static> Spawner<E> {
    /// Starts a child, on the nursery's own core.
    ///
    /// # Errors
    ///
    /// The future comes back, unpolled, when the nursery has closed, when it is cancelled, or when
    /// this is another thread: [`send`](Self::send) goes there.
    #[track_caller]
    pub fn spawn<F>(&self, child: F) -> Result<(), F>
    where
        F: Future<Output: ChildOutput<E>> + 'static,
    {
        match self.nursery() {
            Some(frame) => {
                frame.adopt(child, Label::here());
                Ok(())
            }
            None => Err(child),
        }
    }

    /// Starts a child from any thread. Its future is made on the nursery's core and stays there, so
    /// it need not be `Send`. If the nursery closes or is cancelled before what was sent arrives,
    /// that is dropped there.
    ///
    /// # Errors
    ///
    /// `child` comes back when the nursery has closed; and, on its own core, when it is cancelled.
    #[track_caller]
    pub fn send<F, O>(&self, child: F) -> Result<(), F>
    where
        F: AsyncFnOnce() -> O + Send + 'static,
        O: ChildOutput<E> + 'static,
    {
        let label = Label::here();
        if self.door.is_here() {
            let Some(frame) = self.nursery() else { return Err(child) };
            frame.adopt(async move { child().await }, label);
            return Ok(());
        }
        if !self.door.is_open() {
            return Err(child);
        }
        let there = self.clone();
        self.door.send(move || {
            let arrive = || match there.nursery() {
                Some(frame) => frame.adopt(async move { child().await }, label),
                None => drop(child),
            };
            // A destructor that panics must not end the core; the panic hook has told of it.
            _ = catch_unwind(AssertUnwindSafe(arrive));
        });
        Ok(())
    }

    /// Whether the nursery has not closed. On another thread that may change at any time.
    pub fn is_open(&self) -> bool {
        self.door.is_open()
    }

    /// The nursery, if this is its core, and it takes children in.
    fn nursery(&self) -> Option<Rc<Frame<E>>> {
        let frame = self.door.adopter()?.downcast::<Frame<E>>().ok()?;
        frame.scope().reason().is_none().then_some(frame)
    }
}

impl<E> Clone for Spawner<E> {
    fn clone(&self) -> Self {
        Self { door: self.door.clone(), error: PhantomData }
    }
}

impl<E> fmt::Debug for Spawner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spawner").field(&self.door).finish()
    }
}
