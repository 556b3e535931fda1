//! Files that are read and written often get a slot in their ring's table.
//!
//! The kernel then need not look the descriptor up for each operation. A slot costs two calls, one
//! when it is given and one when it is taken back, which is what some ten look-ups cost.

use crate::driver;
use crate::fd::SharedFd;
use crate::sys::Known;
use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::rc::Rc;

/// Reads and writes of a file before it gets a slot.
const FIRST: u32 = 64;
/// Reads and writes before the file asks again, if there was no slot.
const AGAIN: u32 = 1 << 16;

/// How many reads and writes come before a file asks for a slot; zero if it does not ask any more.
#[derive(Debug)]
pub(super) struct Registering(Cell<u32>);

impl Registering {
    pub(super) fn new(known: Option<Known>) -> Self {
        // What is waited for, such as a pipe, is not read so often that it counts.
        let counts = known.is_some_and(|it| matches!(it.kind, libc::S_IFREG | libc::S_IFBLK));
        Self(Cell::new(if counts { FIRST } else { 0 }))
    }

    /// The file is about to be read or written.
    #[inline]
    pub(super) fn count(&self, fd: &SharedFd) {
        match self.0.get() {
            0 => {}
            1 => self.0.set(ask(fd)),
            more => self.0.set(more - 1),
        }
    }
}

#[cold]
fn ask(fd: &SharedFd) -> u32 {
    let Some(driver) = driver::current() else { return AGAIN };
    let Some(slot) = driver.borrow_mut().register_file(fd.as_raw_fd()) else { return AGAIN };
    let table = Rc::downgrade(&driver);
    fd.register(table, slot);
    0
}
