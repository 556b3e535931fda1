//! Which driver runs on this thread.

use super::Driver;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// A driver, shared by its runtime and the futures that have something in it.
pub(crate) type DriverRef = Rc<RefCell<Driver>>;

thread_local! {
    // Never destroyed: `enter` empties it, and destructors of other thread-locals may ask.
    static CURRENT: ManuallyDrop<RefCell<Option<DriverRef>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

/// The driver of the runtime that runs on this thread.
pub(crate) fn current() -> Option<DriverRef> {
    CURRENT.with(|current| current.borrow().clone())
}

/// The current driver, for something that cannot work without one.
pub(crate) fn expect_current(info: &str) -> DriverRef {
    current().unwrap_or_else(|| {
        panic!("{info} needs a nestling runtime: call it inside block_on or Builder::run")
    })
}

/// Makes a driver the thread's current one until the guard goes.
pub(crate) fn enter(driver: &DriverRef) -> Entered {
    CURRENT.with(|current| *current.borrow_mut() = Some(Rc::clone(driver)));
    Entered(())
}

/// A driver is current. Ends with the guard.
#[derive(Debug)]
pub(crate) struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        drop(CURRENT.with(|current| current.borrow_mut().take()));
    }
}
