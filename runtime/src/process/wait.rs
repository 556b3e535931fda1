//! `ExitWait`: an operation that ends with the process; its cancel asks the process to end.

use super::running::Running;
use crate::cancel::current_cancellation;
use crate::op::{self, Offload};
use crate::scope;
use crate::yield_now::consume_budget;
use std::cell::Cell;
use std::io;
use std::process::ExitStatus;
use std::rc::Rc;
use std::sync::Arc;

/// What a wait and its entry in the table share.
#[derive(Debug, Default)]
struct Shared {
    /// The number of the wait's ticket with the process.
    number: Cell<Option<u64>>,
    /// The scope of the wait was cancelled.
    is_cancelled: Cell<bool>,
}

/// A wait that is in flight. To drop the wait does nothing to the process.
struct ExitWait {
    process: Arc<Running>,
    shared: Rc<Shared>,
}

impl Drop for ExitWait {
    fn drop(&mut self) {
        self.shared.number.take().into_iter().for_each(|number| self.process.forget(number));
    }
}

/// Waits until the process has ended and is reaped.
pub(super) async fn wait(process: &Arc<Running>) -> io::Result<ExitStatus> {
    scope::drop_point().await;
    if let Some(ended) = process.ended() {
        consume_budget().await;
        return ended;
    }
    let shared = Rc::new(Shared::default());
    let (told, recalled) = (Arc::clone(process), Rc::clone(&shared));
    let mut offload = Offload::new(&"wait", move |ticket| {
        recalled.number.set(Some(told.tell(ticket)));
        Box::new(move |_| {
            // A wait that is dropped is recalled as well, and has no number by then.
            if recalled.number.get().is_some() {
                recalled.is_cancelled.set(true);
                told.stop_soon();
            }
        })
    });
    // Behind the entry, so that it is dropped before that.
    let waiting = ExitWait { process: Arc::clone(process), shared };
    let belonged = (&mut offload).await?;
    let is_cancelled = waiting.shared.is_cancelled.get();
    if is_cancelled && process.was_stopped() {
        op::deliver_cancel(belonged);
        return Err(current_cancellation().into());
    }
    process.ended().expect("its tickets are dropped after its end")
}
