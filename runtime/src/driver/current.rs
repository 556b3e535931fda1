//! Which driver runs on this thread.

use super::Driver;
use crate::context;
use std::cell::RefCell;
use std::rc::Rc;

/// A driver, shared by its runtime and the futures that have something in it.
pub(crate) type DriverRef = Rc<RefCell<Driver>>;

/// The driver of the runtime that runs on this thread.
#[inline]
pub(crate) fn current() -> Option<DriverRef> {
    context::with_core(|core| Rc::clone(&core.driver))
}

/// The current driver, for something that cannot work without one.
pub(crate) fn expect_current(info: &str) -> DriverRef {
    current().unwrap_or_else(|| {
        panic!("{info} needs a nestling runtime: call it inside block_on or Builder::run")
    })
}
