//! `SharedFd`: a counted descriptor, so that a number is never reused while an operation is on it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// What closes descriptors on this thread: the ring of the runtime that runs here.
///
/// Told whether the close may linger; see [`SharedFd::set_linger`].
type Closer = fn(OwnedFd, bool);

thread_local! {
    static CLOSER: Cell<Option<Closer>> = const { Cell::new(None) };
}

/// Sets what closes this thread's descriptors until the guard goes; without, they close at once.
pub(crate) fn close_with(closer: Closer) -> Closing {
    CLOSER.set(Some(closer));
    Closing(())
}

/// Descriptors are closed by a ring. Ends with the guard.
#[derive(Debug)]
pub(crate) struct Closing(());

impl Drop for Closing {
    fn drop(&mut self) {
        CLOSER.set(None);
    }
}

/// A descriptor shared by the object that users hold and the operations in flight on it.
///
/// The last owner to go hands it to the ring to be closed; outside a runtime it is closed at once.
#[derive(Debug, Clone)]
pub(crate) struct SharedFd(Counted);

#[derive(Debug)]
struct Counted(Rc<Shared>);

struct Shared {
    /// `None` once it was taken out, by `into_sole` or to be closed.
    fd: Cell<Option<OwnedFd>>,
    number: RawFd,
    linger: Cell<bool>,
    /// Waits until one owner is left.
    sole: RefCell<Option<Waker>>,
}

impl SharedFd {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let number = fd.as_raw_fd();
        Self(Counted(Rc::new(Shared {
            fd: Cell::new(Some(fd)),
            number,
            linger: Cell::new(false),
            sole: RefCell::new(None),
        })))
    }

    /// Says that closing it may block, waiting for a peer (`SO_LINGER`).
    pub(crate) fn set_linger(&self, linger: bool) {
        self.0.0.linger.set(linger);
    }

    /// Whether closing it may block.
    pub(crate) fn linger(&self) -> bool {
        self.0.0.linger.get()
    }

    /// Takes the descriptor out once no operation holds it any more.
    pub(crate) async fn into_sole(self) -> OwnedFd {
        poll_fn(|cx| {
            let shared = &self.0.0;
            if Rc::strong_count(shared) == 1 {
                return Poll::Ready(shared.fd.take().expect("only this call takes it"));
            }
            let waiting = cx.waker().clone();
            // Dropped outside the borrow: a foreign waker's destructor is foreign code.
            drop(shared.sole.replace(Some(waiting)));
            Poll::Pending
        })
        .await
    }

    /// The descriptor itself if nothing else holds it, else a duplicate.
    pub(crate) fn into_owned(self) -> io::Result<OwnedFd> {
        let shared = &self.0.0;
        if Rc::strong_count(shared) == 1 {
            return Ok(shared.fd.take().expect("taken only with the last owner"));
        }
        self.as_fd().try_clone_to_owned()
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 2
            && let Some(waker) = self.0.sole.take()
        {
            // The one that waits sees a count of one when it is polled, after this drop.
            waker.wake();
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fd {}", self.number)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(fd) = self.fd.take() else { return };
        match CLOSER.get() {
            Some(close) => close(fd, self.linger.get()),
            None => drop(fd),
        }
    }
}

impl AsRawFd for SharedFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.number
    }
}

#[expect(unsafe_code, reason = "a descriptor behind a Cell cannot lend itself")]
impl AsFd for SharedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor stays open while an owner lives: it is taken out of the cell only
        // by value, with the last owner.
        unsafe { BorrowedFd::borrow_raw(self.0.0.number) }
    }
}
