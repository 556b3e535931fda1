//! What a thread does with its tables when it ends, whether or not it has run a core.

use super::When;
use std::cell::RefCell;

// The model checker destroys the tables itself, in an order of its own.
#[cfg(not(loom))]
thread_local! {
    static AT_END: AtEnd = const { AtEnd(RefCell::new(Vec::new())) };
}

/// What trims a table, or several.
type Trim = fn(When) -> bool;

struct AtEnd(RefCell<Vec<Trim>>);

/// Has the tables that `trim` looks at be given back when this thread ends. A thread that ends
/// already, which runs the destructors of its other thread-locals, has no later end.
#[cold]
pub(crate) fn trim_at_end(trim: Trim) {
    #[cfg(not(loom))]
    let _ = AT_END.try_with(|AtEnd(all)| {
        let mut all = all.borrow_mut();
        if !all.iter().any(|known| std::ptr::fn_addr_eq(*known, trim)) {
            all.push(trim);
        }
    });
    #[cfg(loom)]
    let _ = trim;
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|trim| _ = trim(When::Ended));
    }
}
