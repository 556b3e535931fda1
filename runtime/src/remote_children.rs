//! `RemoteChildren`: children that other cores have sent here, beside the program of this core.
//!
//! The children borrow nothing, and a nursery on the core that sent one waits for it: here they are
//! only polled.

use crate::cancel::CancelHandle;
use crate::children::{Body, Children, Step};
use crate::context;
use crate::inbox::Ticket;
use crate::label::Label;
use crate::tree::Reason;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::Context;

/// A remote child, as it is made where it is to run.
pub(crate) type RemoteChild = Pin<Box<dyn Future<Output = ()>>>;

/// The remote children of one core: a nursery whose body is the core's own program.
#[derive(Debug)]
pub(crate) struct RemoteChildren {
    children: Children,
    handles: RefCell<BTreeMap<u64, CancelHandle>>,
}

/// The remote children of the core that this thread runs, if it receives any.
fn current() -> Option<Rc<RemoteChildren>> {
    context::with_core(|core| core.remote_children.clone()).flatten()
}

/// This core receives remote children. Ends with the guard; children that are left are dropped.
#[derive(Debug)]
pub(crate) struct Open(Rc<RemoteChildren>);

impl Open {
    /// No remote children yet.
    pub(crate) fn new() -> Self {
        let label = Label::here().named(Some("core"));
        let remote = RemoteChildren { children: Children::new(label), handles: RefCell::default() };
        let remote = Rc::new(remote);
        context::change_core(|core| core.remote_children = Some(Rc::clone(&remote)));
        Self(remote)
    }

    /// The task of the core's own program.
    pub(crate) fn body(&self) -> Body {
        self.0.children.body()
    }

    /// Whether no remote child is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.children.is_empty()
    }

    /// Whether nothing is in flight that the program, or remote children, have left behind.
    pub(crate) fn is_drained(&self) -> bool {
        self.0.children.scope().is_drained()
    }

    /// Polls the remote children that are ready, and calls `body` when the body is ready.
    pub(crate) fn visit(&self, cx: &Context<'_>, mut body: impl FnMut()) {
        let mut act = |step| match step {
            Step::Body => body(),
            // The ticket tells the core that sent the child; the child's future catches its panics.
            Step::Cut(_) | Step::Panicked(_) => {}
        };
        // SAFETY: remote children borrow nothing, and what finishes them looks at no owner.
        unsafe { self.0.children.poll(cx, ptr::null(), &mut act) };
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(context::change_core(|core| core.remote_children.take()));
        // SAFETY: remote children borrow nothing.
        drop(unsafe { self.0.children.clear() });
    }
}

/// A remote child's place in the list of the remote children that can be recalled.
struct Registered(Rc<RemoteChildren>, u64);

impl Drop for Registered {
    fn drop(&mut self) {
        self.0.handles.borrow_mut().remove(&self.1);
    }
}

/// Takes a remote child in. Its ticket is dropped when the child has ended; at once, if this core
/// receives none.
pub(crate) fn admit(number: u64, ticket: Ticket, make: impl FnOnce() -> RemoteChild + 'static) {
    let Some(remote) = current() else { return };
    let registered = Registered(Rc::clone(&remote), number);
    let child = async move {
        // In this order: the ticket goes last.
        let _ticket = ticket;
        let _registered = registered;
        make().await;
    };
    let label = Label::here().named(Some("remote child"));
    // SAFETY: a remote child borrows nothing.
    let join = unsafe { remote.children.spawn(child, |_, value| Some(value), label) };
    remote.handles.borrow_mut().insert(number, CancelHandle::of(&join));
}

/// Cancels a remote child, if it is still here.
pub(crate) fn recall(number: u64, why: Reason) {
    let Some(remote) = current() else { return };
    let handle = remote.handles.borrow().get(&number).copied();
    if let Some(handle) = handle {
        handle.cancel(why);
    }
}
