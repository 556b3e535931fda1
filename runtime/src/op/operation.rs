//! `Operation`: what every kernel operation says about itself.

use super::future::OpHandle;
use super::lent::Lent;
use crate::config::UNREAD_ANSWERS;
use crate::driver;
use crate::fd::RawTarget;
use crate::ring::{Capability, Completion, Request};
use crate::scope::Cancelled;
use std::io;

/// The kernel's answer, as an operation gets to see it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// A count or a descriptor; or the error, which is `Cancelled` when we asked for the cancel.
    pub(crate) result: io::Result<u32>,
    /// The number that the kernel has answered, which `result` may put otherwise; `-ECANCELED` for
    /// an operation that the kernel never heard of.
    pub(crate) code: i32,
    flags: u32,
}

impl Answer {
    /// The answer to an operation whose future is gone. If the operation was cut short, the reason
    /// is of no use.
    pub(crate) fn of_abandoned(completion: Completion) -> Self {
        Self::new(completion, completion.is_interrupted().then(Cancelled::new))
    }

    /// What the kernel said; or `cancelled`, if the operation ended because we asked for that.
    pub(crate) fn new(completion: Completion, cancelled: Option<Cancelled>) -> Self {
        let result = match cancelled {
            Some(cancelled) => Err(cancelled.into()),
            None => completion.value(),
        };
        Self { result, code: completion.result, flags: completion.flags }
    }

    /// What the kernel said, if that is no error.
    #[inline]
    pub(super) fn of_success(completion: Completion) -> Self {
        debug_assert!(completion.is_success());
        let Completion { result, flags, .. } = completion;
        Self { result: Ok(result as u32), code: result, flags }
    }

    fn completion(&self) -> Completion {
        Completion { user_data: 0, result: self.code, flags: self.flags }
    }

    /// Whether a receive left bytes behind in the socket.
    pub(crate) fn sock_nonempty(&self) -> bool {
        self.completion().sock_nonempty()
    }

    /// The buffer of a pool that the kernel took for it, whatever the result.
    pub(crate) fn buffer(&self) -> Option<u16> {
        self.completion().buffer()
    }

    /// The error of an operation that the kernel never heard of.
    pub(crate) fn unheard(error: io::Error) -> Self {
        Self { result: Err(error), code: -libc::ECANCELED, flags: 0 }
    }
}

/// One kernel operation with everything it lends to the kernel.
///
/// # Safety
///
/// Every pointer in the request stays valid, at the same address, for as long
/// as the value is not dropped: also when it is moved, and when it is leaked. So buffers are owned
/// and on the heap, and structures that the kernel reads are boxed.
pub(crate) unsafe trait Operation: 'static {
    /// What the future resolves to. When the future is gone, the output goes to an heir or is
    /// dropped; so the output owns what the kernel has made.
    type Output;

    /// What dumps and instruments call the operation.
    const NAME: &'static str;

    /// What the kernel has to be capable of. The check at the start collects that: each operation
    /// has its line in [`needed`](super::needed).
    const NEEDS: &'static [Capability];

    /// Whether the operation does more than to look: then a success of which no code hears is lost.
    const ACTS: bool = true;

    /// Whether the memory may stay lent after the result, until a notification.
    const IS_NOTICED: bool = false;

    /// What the operation is on, if there is something.
    fn target(&self) -> Option<RawTarget>;

    /// What to ask the kernel. An operation that asks nothing waits until it is cancelled or
    /// dropped.
    fn request(&mut self) -> Option<Request>;

    /// What came back.
    fn complete(self, answer: Answer) -> Self::Output;

    /// What came back, where a notification follows, which the driver tells by `flight`: until then
    /// the memory stays lent.
    fn complete_first(_: Lent<Self>, _: Answer, _: OpHandle) -> Self::Output
    where
        Self: Sized,
    {
        unreachable!("{} has no notification", Self::NAME)
    }
}

/// An operation that goes on behind bytes of its buffer, which were transferred before.
pub(crate) trait Continue {
    /// How many bytes those are.
    fn skip(&self) -> usize;
}

/// One kernel operation that is answered many times.
///
/// # Safety
///
/// As for [`Operation`].
pub(crate) unsafe trait Multishot: 'static {
    /// What each answer is. An item that no future takes goes to an heir or is dropped; so the item
    /// owns what the kernel has made.
    type Item;

    /// What dumps and instruments call the operation.
    const NAME: &'static str;

    /// See [`Operation::NEEDS`].
    const NEEDS: &'static [Capability];

    /// What the operation is on.
    fn target(&self) -> RawTarget;

    /// What to ask the kernel, each time that the operation begins.
    fn request(&mut self) -> Request;

    /// How many answers may wait for the future, before the kernel is asked to end the operation;
    /// and what counts those that have taken a buffer.
    fn many(&self) -> driver::Many {
        driver::Many { most: UNREAD_ANSWERS, taken: None }
    }

    /// What came back. More may follow.
    fn answer(&self, answer: Answer) -> Self::Item;
}
