//! What is done with names: directories, links, removals.

use super::{Answer, Op, Operation, Place};
use crate::driver::{self, OpInfo, Orphan};
use crate::fd::RawTarget;
use crate::ring::{Capability, Completion, Request};
use crate::scope;
use std::ffi::CString;
use std::io;

/// One of the commands below.
///
/// # Safety
///
/// The pointers of the request stay valid, at the same address, while the command is not dropped,
/// also when it is moved.
pub(crate) unsafe trait PathCommand: 'static {
    /// See [`Operation::NAME`].
    const NAME: &'static str;

    /// See [`Operation::NEEDS`].
    const NEEDS: &'static [Capability];

    /// The directory that it is in, if that is open.
    fn target(&self) -> Option<RawTarget>;

    /// What to ask.
    fn request(&self) -> Request;
}

/// Carries a command out.
#[derive(Debug)]
pub(crate) struct OnPath<C>(C);

impl<C: PathCommand> OnPath<C> {
    pub(crate) fn new(command: C) -> Op<Self> {
        Op::new(Self(command))
    }
}

// SAFETY: the command's promise (`PathCommand`).
unsafe impl<C: PathCommand> Operation for OnPath<C> {
    type Output = io::Result<()>;

    const NAME: &'static str = C::NAME;

    const NEEDS: &'static [Capability] = C::NEEDS;

    fn target(&self) -> Option<RawTarget> {
        self.0.target()
    }

    fn request(&mut self) -> Option<Request> {
        Some(self.0.request())
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}

/// Removes a name; with flags as of unlinkat(2).
#[derive(Debug)]
pub(crate) struct Unlink {
    pub(crate) at: Place,
    pub(crate) flags: i32,
}

// SAFETY: the path is on the heap; the directory is counted.
unsafe impl PathCommand for Unlink {
    const NAME: &'static str = "unlink";

    const NEEDS: &'static [Capability] = &[Capability::Unlink];

    fn target(&self) -> Option<RawTarget> {
        self.at.target()
    }

    fn request(&self) -> Request {
        Request::Unlink { dir: self.at.dir(), path: self.at.path(), flags: self.flags }
    }
}

/// Keeps a command without a future until the kernel is done.
struct Detached<C>(C);

impl<C> Orphan for Detached<C> {
    fn dispose(self: Box<Self>, _: Completion) -> bool {
        // No future waits: an error is lost.
        false
    }
}

/// Has the ring remove a name. The removal belongs to the scope of the code that asks for it, so
/// the nursery around that ends after it; it is never cancelled. Outside a core, and at the limit
/// of operations in flight, it gives the command back.
pub(crate) fn unlink_detached(command: Unlink) -> Result<(), Unlink> {
    let driver = driver::current().filter(|driver| driver.borrow().room().is_ok());
    let Some(driver) = driver else { return Err(command) };
    let info = OpInfo::new(&Unlink::NAME, command.target());
    let (request, scope) = (command.request(), scope::current());
    let orphan = Box::new(Detached(command));
    // SAFETY: the command keeps the path where it is, on the heap, as long as it lives.
    unsafe { driver.borrow_mut().submit_detached(request, info, scope, orphan) };
    Ok(())
}

/// Gives another name; with flags as of renameat2(2).
#[derive(Debug)]
pub(crate) struct Rename {
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) flags: u32,
}

// SAFETY: the paths are on the heap; the directories are counted.
unsafe impl PathCommand for Rename {
    const NAME: &'static str = "rename";

    const NEEDS: &'static [Capability] = &[Capability::Rename];

    fn target(&self) -> Option<RawTarget> {
        self.from.target()
    }

    fn request(&self) -> Request {
        Request::Rename { from: self.from.raw(), to: self.to.raw(), flags: self.flags }
    }
}

/// Makes a directory.
#[derive(Debug)]
pub(crate) struct MakeDirectory {
    pub(crate) at: Place,
    pub(crate) mode: u32,
}

// SAFETY: the path is on the heap; the directory is counted.
unsafe impl PathCommand for MakeDirectory {
    const NAME: &'static str = "mkdir";

    const NEEDS: &'static [Capability] = &[Capability::MakeDirectory];

    fn target(&self) -> Option<RawTarget> {
        self.at.target()
    }

    fn request(&self) -> Request {
        Request::MakeDirectory { dir: self.at.dir(), path: self.at.path(), mode: self.mode }
    }
}

/// Makes a symbolic link.
#[derive(Debug)]
pub(crate) struct Symlink {
    pub(crate) target: CString,
    pub(crate) at: Place,
}

// SAFETY: path and target are on the heap; the directory is counted.
unsafe impl PathCommand for Symlink {
    const NAME: &'static str = "symlink";

    const NEEDS: &'static [Capability] = &[Capability::Symlink];

    fn target(&self) -> Option<RawTarget> {
        self.at.target()
    }

    fn request(&self) -> Request {
        let (dir, path) = (self.at.dir(), self.at.path());
        Request::Symlink { dir, target: self.target.as_ptr(), path }
    }
}

/// Gives a second name; with flags as of linkat(2).
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) flags: i32,
}

// SAFETY: the paths are on the heap; the directories are counted.
unsafe impl PathCommand for Link {
    const NAME: &'static str = "link";

    const NEEDS: &'static [Capability] = &[Capability::Link];

    fn target(&self) -> Option<RawTarget> {
        self.from.target()
    }

    fn request(&self) -> Request {
        Request::Link { from: self.from.raw(), to: self.to.raw(), flags: self.flags }
    }
}
