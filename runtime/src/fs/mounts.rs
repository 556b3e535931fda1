//! Which files would stop the thread that reads or writes them through the ring.

use crate::context;
use crate::fd::SharedFd;
use crate::sys;
use std::cell::Cell;
use std::rc::Rc;

/// The mount that was looked up last, by a number that is never another's, and whether it is one
/// of these.
#[derive(Debug, Default)]
pub(crate) struct Mounts(Cell<Option<(u64, bool)>>);

/// FUSE, as of `linux/magic.h`.
const FUSE: u64 = 0x6573_5546;

/// Whether reads and writes of the file are to begin on a thread of the kernel's. Those of a file
/// system whose server is a process (FUSE) look to the ring as if they could be polled, and then
/// stop the thread until the server answers, if it ever does.
///
/// Before Linux 6.8, where `statmount(2)` is forbidden, and for a mount of another namespace, the
/// kernel does not tell at once, and it is taken for none of these.
pub(super) fn stop_the_thread(file: &SharedFd) -> bool {
    let Some(mount) = sys::mount(file) else { return false };
    let last = context::with_core(|core| Rc::clone(&core.mounts));
    let known = last.as_ref().and_then(|last| last.0.get()).filter(|(known, _)| *known == mount);
    let (_, is_fuse) =
        known.unwrap_or_else(|| (mount, sys::magic(mount).is_ok_and(|it| it == FUSE)));
    last.inspect(|last| last.0.set(Some((mount, is_fuse))));
    is_fuse
}
