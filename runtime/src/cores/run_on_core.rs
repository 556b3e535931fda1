//! `run_on_core`: runs a child on another core, as if it were an operation of the kernel.

use crate::inbox;
use crate::op::Offload;
use crate::remote_children::{self, RemoteChild};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// Numbers the remote children of all cores.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The index of this core, and how many run the program with it.
pub fn place() -> (usize, usize) {
    inbox::place()
}

/// Has the core with that index make a future and run it, from the first poll of what this returns
/// on. `None` if there is no such core, or this core runs alone.
pub fn run_on_core(
    core: usize,
    make: impl FnOnce() -> RemoteChild + Send + 'static,
) -> Option<OnCore> {
    let peer = inbox::peer(core)?;
    Some(OnCore(Offload::new(&"a child on another core", move |ticket| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        inbox::send(&peer, move || remote_children::admit(number, ticket, make));
        Box::new(move |why| inbox::send(&peer, move || remote_children::recall(number, why)))
    })))
}

/// The future of [`run_on_core`]: resolves when the child has ended on its core. When it is
/// cancelled, the child is cancelled there, and this still waits; when it is dropped, the scope
/// around waits. An error says that the child was not sent: too much is in flight here.
pub struct OnCore(Offload);

impl Future for OnCore {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}

impl fmt::Debug for OnCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnCore").field(&self.0).finish()
    }
}
