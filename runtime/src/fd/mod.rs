//! `SharedFd`: a counted descriptor, so that a number is never reused while an operation is on it.

mod awaited;
mod registered;
mod target;

use crate::context;
use crate::table::When;
use socket2::SockRef;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};
use std::task::Poll;

pub(crate) use registered::Table;
pub(crate) use target::{RawTarget, Target};

/// What closes the descriptors of a core: its ring. Outside a core they are closed at once.
pub(crate) type Closer = fn(OwnedFd);

/// What a thread has for its descriptors.
pub(crate) struct PerThread {
    awaited: awaited::ByNumber,
    registered: registered::ByNumber,
}

impl PerThread {
    pub(crate) const fn new() -> Self {
        Self { awaited: RefCell::new(BTreeMap::new()), registered: RefCell::new(BTreeMap::new()) }
    }
}

/// Gives back what the tables do not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    awaited::trim(when) | registered::trim(when)
}

/// Has the close of a socket wait for no peer. With `SO_LINGER` set to a time, the kernel stops the
/// thread that closes for so long, and afterwards goes on to send as it does without; so all that
/// this takes away is the wait. The option may have come from anywhere, such as a listener, which
/// hands it down: so the socket is asked. A linger of zero, which resets, stays.
///
/// To have a thread of the kernel's wait instead (`IOSQE_ASYNC`) would be in vain: the close is
/// answered before the wait begins. And 64 peers that do not read would take all such threads.
pub(crate) fn do_not_linger(fd: &OwnedFd) {
    let socket = SockRef::from(fd);
    // What is no socket does not linger.
    if socket.linger().is_ok_and(|time| time.is_some_and(|time| !time.is_zero())) {
        let _ = socket.set_linger(None);
    }
}

/// A descriptor shared by the object that users hold and the operations in flight on it.
///
/// The last owner to go has the ring close the descriptor, or closes it on the spot: see
/// [`Closing`]. Outside a runtime, on the spot in any case.
#[derive(Debug, Clone)]
pub(crate) struct SharedFd(Counted);

#[derive(Debug)]
struct Counted(Rc<Shared>);

struct Shared {
    number: RawFd,
    closing: Cell<Closing>,
    /// `into_sole` waits until one owner is left; see `awaited`.
    is_awaited: Cell<bool>,
    /// Its slot in a ring's table, or [`NO_SLOT`]; see `registered`.
    slot: Cell<u16>,
}

const NO_SLOT: u16 = u16::MAX;

/// How a descriptor is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// By the ring; before, the descriptor is asked whether it is a socket that lingers.
    Asked,
    /// By the ring: the descriptor is no socket.
    ByRing,
    /// On the spot: the descriptor is a file of which no server hears, and whose file system has
    /// nothing to do at a close (`flush`). The ring would close it on this thread as well; others
    /// it closes on a thread of the kernel's.
    AtOnce,
    /// The descriptor was taken out, by `into_sole` or to be closed.
    Gone,
}

// Each connection of a server has one, and the two counts of an `Rc`.
const _: () = assert!(size_of::<Shared>() == 8);

impl Shared {
    /// Takes the descriptor out. Nothing is taken twice.
    #[expect(unsafe_code, reason = "in an `OwnedFd`, its number could not be looked at")]
    fn take(&self) -> Option<OwnedFd> {
        let is_here = self.closing.replace(Closing::Gone) != Closing::Gone;
        // SAFETY: `SharedFd::new` took the descriptor out of its owner, and it is given away once.
        is_here.then(|| unsafe { OwnedFd::from_raw_fd(self.number) })
    }
}

impl SharedFd {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let number = fd.into_raw_fd();
        let (closing, is_awaited) = (Cell::new(Closing::Asked), Cell::new(false));
        let slot = Cell::new(NO_SLOT);
        Self(Counted(Rc::new(Shared { number, closing, is_awaited, slot })))
    }

    /// Notes how to close the descriptor, once its kind is known.
    pub(crate) fn set_closing(&self, closing: Closing) {
        self.0.0.closing.set(closing);
    }

    pub(crate) fn closing(&self) -> Closing {
        self.0.0.closing.get()
    }

    /// A table has given it a slot, which it keeps until no operation is on it any more.
    pub(crate) fn register(&self, table: Weak<dyn Table>, slot: u16) {
        assert_eq!(self.slot(), None, "it is in one table at most");
        registered::keep(self.0.0.number, table, slot);
        self.0.0.slot.set(slot);
    }

    /// The descriptor's slot, in whichever table that is.
    #[inline]
    fn slot(&self) -> Option<u16> {
        Some(self.0.0.slot.get()).filter(|slot| *slot != NO_SLOT)
    }

    /// Takes the descriptor out once no operation holds it any more.
    pub(crate) async fn into_sole(self) -> OwnedFd {
        poll_fn(|cx| {
            let shared = &self.0.0;
            if Rc::strong_count(shared) == 1 {
                return Poll::Ready(shared.take().expect("only this call takes it"));
            }
            shared.is_awaited.set(true);
            awaited::wait(shared.number, cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The descriptor itself if nothing else holds it, else a duplicate.
    pub(crate) fn into_owned(self) -> io::Result<OwnedFd> {
        let shared = &self.0.0;
        if Rc::strong_count(shared) == 1 {
            return Ok(shared.take().expect("taken only with the last owner"));
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
            && self.0.is_awaited.take()
            && let Some(waker) = awaited::take(self.0.number)
        {
            // The future that waits sees a count of one when it is polled, after this drop.
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
        debug_assert!(!self.is_awaited.get(), "the last owner but one takes the waker");
        // First: the table keeps the file open.
        if self.slot.get() != NO_SLOT {
            registered::give_back(self.number);
        }
        let closing = self.closing.get();
        let Some(fd) = self.take() else { return };
        match closing {
            Closing::Asked => do_not_linger(&fd),
            Closing::AtOnce => return drop(fd),
            Closing::ByRing | Closing::Gone => {}
        }
        match context::with_core(|core| core.closer) {
            Some(close) => close(fd),
            None => drop(fd),
        }
    }
}

impl AsRawFd for SharedFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.number
    }
}

#[expect(unsafe_code, reason = "the number of an open descriptor")]
impl AsFd for SharedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor stays open while an owner lives: it is taken out only by value,
        // with the last owner.
        unsafe { BorrowedFd::borrow_raw(self.0.0.number) }
    }
}
