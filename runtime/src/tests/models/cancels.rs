//! Cancels from other threads: one is sent, and it arrives.

use super::{Handed, check, child, join, start};
use crate::inbox::{Injector, RemoteCancel, Unparker};
use crate::sys::shared::EventFd;
use crate::sys::shared::kernel::Conduct;
use crate::wake;
use loom::thread;
use std::future::pending;
use std::sync::Arc;

/// Two threads cancel a child that waits for ever: it is cut.
#[test]
fn d14_a_remote_cancel_arrives() {
    check(Some(2), Conduct::default(), || {
        let handed = Handed::new();
        let core = start({
            let handed = Arc::clone(&handed);
            move |mut runtime| runtime.block_on(child(&handed, pending()))
        });
        let cancel = handed.take();
        let other = thread::spawn({
            let cancel = cancel.clone();
            move || cancel.cancel()
        });
        cancel.cancel();
        join([other, core]);
    });
}

/// However many ask, the queue holds one remote cancel.
#[test]
fn a_remote_cancel_is_sent_once() {
    check(None, Conduct::default(), || {
        let core = Injector::new(Unparker::new(EventFd::modelled()));
        let remote_cancel = RemoteCancel::new(wake::insert_root(), Arc::clone(&core));
        let other = thread::spawn({
            let remote_cancel = Arc::clone(&remote_cancel);
            move || remote_cancel.send()
        });
        remote_cancel.send();
        join([other]);
        assert_eq!(core.drain().count(), 1);
    });
}
