//! What a nursery is built from: the sanctioned sharp tools.
//!
//! The crate `nestling-nursery` uses the runtime through this module alone, so another crate could
//! do so with the same rights. There is no way here to start a task that belongs to no nursery.

pub use crate::adoption::{Door, Doorway};
pub use crate::blocking::{Unfinished, blocking};
pub use crate::cancel::{
    CancelHandle, CancelScope, RemoteCancelHandle, count_derived, current_cancellation,
    current_reason, is_in_cancelled, mark_delivered, visits, was_delivered,
};
pub use crate::check::check;
pub use crate::children::{Body, Children, Payload, Step};
pub use crate::cores::{OnCore, place, run_on_core};
pub use crate::instrument::{Ending, Failure};
pub use crate::io::copy::relay;
pub use crate::io::{AsyncRead, AsyncWrite};
pub use crate::label::Label;
pub use crate::net::{Accept, Accepted, Connected, TcpListener, TcpStream, is_exhausted};
pub use crate::op::nop;
pub use crate::scope::{Begun, Cancelled, is_cancelled, may_hear, poll_begin};
pub use crate::shield::Shield;
pub use crate::signal::stop_requested;
pub use crate::sync::{Notify, OwnedPermit, Semaphore, remote};
pub use crate::task::{Join, end_as};
pub use crate::task_local::TaskLocal;
pub use crate::time::sleep::sleep_past_turn_until;
pub use crate::time::{Instant, Sleep, sleep, sleep_until};
pub use crate::tree::Reason;
pub use crate::until_cancelled::{UntilCancelled, until_cancelled};
pub use crate::wake::stay;
pub use crate::yield_now::Surrounding;
