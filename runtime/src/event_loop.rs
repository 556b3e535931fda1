//! `EventLoop`: polls the tasks that are ready, submits and waits, and dispatches completions.
//!
//! ```text
//!        ┌──▶ poll the root ── its nurseries poll their children, up to the budget
//!        │         │
//!        │    wakes from other threads, timers that are due
//!        │         │
//!        │    enter once: submit; sleep only if nothing is ready
//!        │         │
//!        └─── dispatch: wake waiters, dispose of results without a future
//! ```

use crate::cancel;
use crate::config::EVENTS_PER_TURN;
use crate::context;
use crate::driver::{self, Arrival, Disposal, DriverRef, OpInfo, Orphan};
use crate::inbox::{Injector, Message};
use crate::instrument::{self, Ending, Event, Polls};
use crate::key::Key;
use crate::ring::{self, Completion};
use crate::scope::{self, Poller};
use crate::stall;
use crate::tree::{self, NodeId, Reason};
use crate::trim;
use crate::wake::{self, Local, budget};
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

/// What a panic was thrown with.
type Payload = Box<dyn Any + Send>;

/// One root future on one core.
pub(crate) struct EventLoop<'core> {
    driver: &'core DriverRef,
    injector: &'core Arc<Injector>,
    root: NodeId,
    polls: Polls,
}

/// An operation that goes on after an answer was disposed of. The kernel still has its memory, so
/// the orphan is put back also if a destructor has panicked.
struct PutBack<'a> {
    driver: &'a DriverRef,
    key: Key,
    orphan: Option<Box<dyn Orphan>>,
}

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        let orphan = self.orphan.take();
        orphan.into_iter().for_each(|it| self.driver.borrow_mut().put_back(self.key, it));
    }
}

/// Runs a future to its end, and then until the kernel has finished everything that was submitted
/// below it. Panics of the future come out when that is done.
pub(crate) fn run<F: Future>(this: EventLoop<'_>, future: F) -> Result<F::Output, Payload> {
    let root = this.root;
    let mut output = {
        let mut future = pin!(Some(future));
        let output = catch_unwind(AssertUnwindSafe(|| this.until_ready(future.as_mut())));
        this.polls.end(root);
        // Before the drain: dropping the future is what abandons its operations.
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            let _entered = scope::enter(root);
            future.set(None);
        }));
        match dropped {
            Ok(()) => output,
            Err(payload) => failed(output, payload),
        }
    };
    // A foreign waker or a buffer's destructor may panic in the drain; it goes on all the same.
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.drain())) {
        output = failed(output, payload);
    }
    this.close();
    let how = if output.is_ok() { Ending::Returned } else { Ending::Panicked };
    instrument::tell(Event::Ended { task: root.outside(), how });
    output
}

/// What comes out when something panicked after the future: the first panic. If the future had an
/// output, that is dropped here, before the drain: a panic of its destructor must not prevent that.
fn failed<T>(output: Result<T, Payload>, payload: Payload) -> Result<T, Payload> {
    let output = output?;
    // The panic hook has printed the panic of this destructor.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(output)));
    Err(payload)
}

impl<'core> EventLoop<'core> {
    /// Makes the root task of a core that this thread runs. The root is polled first.
    pub(crate) fn begin(driver: &'core DriverRef, injector: &'core Arc<Injector>) -> Self {
        tree::set_now(driver.borrow().tick());
        let root = wake::insert_root();
        context::change_core(|core| core.root = Some(root));
        let task = root.outside();
        instrument::tell(Event::Spawned { task, nursery: None, label: None });
        Self { driver, injector, root, polls: Polls::default() }
    }

    fn until_ready<F: Future>(&self, mut future: Pin<&mut Option<F>>) -> F::Output {
        loop {
            let future = future.as_mut().as_pin_mut().expect("it has not resolved");
            if let Poll::Ready(output) = self.once(future, true) {
                return output;
            }
        }
    }

    /// Goes round once. The core sleeps only if it may, and no task is ready.
    pub(crate) fn once<F: Future>(&self, future: Pin<&mut F>, may_sleep: bool) -> Poll<F::Output> {
        if wake::take_queued(self.root) {
            budget::refill();
            if let Poll::Ready(output) = self.poll(future) {
                return Poll::Ready(output);
            }
        }
        self.hear();
        self.expire_timers();
        self.go_on_cancelling();
        self.turn(!may_sleep || wake::is_queued(self.root));
        Poll::Pending
    }

    fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        scope::begin(self.root, Poller::TASK);
        let _entered = scope::enter(self.root);
        self.polls.start(self.root);
        let timed = match instrument::looks_at_polls() {
            true => stall::begin(self.root, || None),
            false => None,
        };
        let polled = Local::new(self.root, self.injector)
            .lend(|waker| future.poll(&mut Context::from_waker(waker)));
        drop(timed);
        self.polls.end(self.root);
        scope::end(self.root);
        polled
    }

    /// Enters the kernel, where the core sleeps unless a task is `runnable`, and acts on the
    /// answers.
    fn turn(&self, runnable: bool) {
        let turned = self.driver.borrow_mut().turn(runnable, || self.injector.is_empty());
        if let Err(error) = turned {
            // Nothing can be drained any more; freeing what the kernel may write to would be
            // worse than to keep it.
            let reason = ring::fatal(&error);
            self.driver.borrow_mut().give_up(reason.clone());
            panic!("{reason}");
        }
        // After the sleep, before the completions for which the core slept.
        let trim_is_due = self.note_time();
        self.dispatch();
        instrument::flush();
        if trim_is_due {
            trim::running(self.driver, tree::now());
        }
    }

    /// Notes the time, to a tick of the clock; exact if there is an instrument. Tells if it is time
    /// to look for unused memory of tables.
    fn note_time(&self) -> bool {
        let driver = self.driver.borrow();
        let now = if instrument::is_on() { driver.now() } else { driver.tick() };
        tree::set_now(now);
        driver.trim_is_due(now)
    }

    /// Does what other threads have asked for.
    fn hear(&self) {
        if self.injector.is_empty() {
            return;
        }
        for message in self.injector.drain().take(EVENTS_PER_TURN) {
            match message {
                Message::Wake(remote) => wake::wake(remote.taken()),
                Message::Cancel(remote_cancel) => {
                    cancel::cancel(remote_cancel.scope(), Reason::Asked)
                }
                Message::Run(job) => {
                    let _entered = scope::enter(self.root);
                    job();
                }
                Message::Finish(key) => {
                    let arrival = self.driver.borrow_mut().finish(key);
                    self.act(arrival);
                }
            }
        }
    }

    fn expire_timers(&self) {
        let Some(now) = self.driver.borrow_mut().now_for_timers() else { return };
        scope::recheck(now);
        let mut left = EVENTS_PER_TURN;
        loop {
            let due = self.driver.borrow_mut().pop_due(now, &mut left);
            let Some(waiter) = due else { return };
            waiter.wake();
        }
    }

    /// Cancels what earlier turns have left to this one.
    fn go_on_cancelling(&self) {
        let withdrawn = self.driver.borrow_mut().ask_marked();
        if !withdrawn.is_empty() {
            wake::wake_all(withdrawn);
        }
    }

    /// Acts on completions one by one, with nothing borrowed: each may run foreign code.
    fn dispatch(&self) {
        let mut left = EVENTS_PER_TURN;
        loop {
            let arrival = self.driver.borrow_mut().dispatch(&mut left);
            let Some(arrival) = arrival else { return };
            self.act(arrival);
        }
    }

    /// Acts on what a completion means. Foreign code comes last: it may panic, and the nursery
    /// and the scope have to be told before.
    #[inline(always)]
    fn act(&self, arrival: Arrival) {
        match arrival {
            Arrival::Nothing | Arrival::Stale => {}
            Arrival::Release(lent) => drop(lent),
            Arrival::Wake { waiter, held, drained } => {
                drained.into_iter().for_each(scope::tell_drained);
                held.into_iter().for_each(scope::look_again);
                waiter.wake();
            }
            Arrival::WakeOnly(waiter) => waiter.wake(),
            Arrival::Dispose(last) => self.dispose(*last),
            Arrival::DisposeOne(one) => self.dispose_one(*one),
        }
    }

    /// Disposes of an answer for which no future waits.
    #[cold]
    fn dispose(&self, Disposal { orphan, completion, info, scope, drained, .. }: Disposal) {
        drained.into_iter().for_each(scope::tell_drained);
        // A close that follows from the disposal belongs to the scope of the operation.
        let _entered = scope.map(scope::enter);
        let lost = orphan.acts() && is_lost(&info, completion);
        let kept = driver::dispose(self.driver, lost, || orphan.dispose(completion));
        tell_disposed(kept, info, scope, completion);
    }

    /// Disposes of an answer for which no future waits, and which is not the last: the operation
    /// goes on.
    #[cold]
    fn dispose_one(&self, Disposal { key, orphan, completion, info, scope, .. }: Disposal) {
        let _entered = scope.map(scope::enter);
        let mut rest = PutBack { driver: self.driver, key, orphan: Some(orphan) };
        let orphan = rest.orphan.as_mut().expect("until it is dropped");
        let lost = is_lost(&info, completion);
        let kept = driver::dispose(self.driver, lost, || orphan.dispose_one(completion));
        drop(rest);
        tell_disposed(kept, info, scope, completion);
    }

    /// Closes the root's scope: the root has ended, and none of its operations is in flight.
    pub(crate) fn close(&self) {
        cancel::close(self.root);
    }

    /// Cancels what is left and turns until the kernel has finished it.
    pub(crate) fn drain(&self) {
        if self.driver.borrow().forked() {
            // The operations are the parent process's; so is the memory that they write to.
            return self.driver.borrow_mut().give_up("this process was forked".to_owned());
        }
        let withdrawn = self.driver.borrow_mut().cancel_all();
        withdrawn.into_iter().for_each(wake::Waiter::wake);
        while !self.driver.borrow().is_drained() {
            self.hear();
            self.expire_timers();
            self.go_on_cancelling();
            // The root is not polled any more: what wakes it must not keep the core from waiting.
            // The last operation in flight may have ended just now, and then no event would end a
            // sleep.
            let drained = self.driver.borrow().is_drained();
            self.turn(drained);
        }
        if self.driver.borrow().awaits_notices() {
            // Notifications are not waited for, but taken if they have come; buffers that
            // are still lent may be leaked.
            self.turn(true);
        }
    }
}

/// Whether an answer that no future takes is the success of an operation that was to be cancelled.
/// The close of a descriptor that was dropped never had a future, nor is it ever cancelled.
fn is_lost(info: &OpInfo, completion: Completion) -> bool {
    completion.is_success() && info.cancel_asked().is_some()
}

/// Tells the instrument of an answer that was for no future, unless something has kept it.
fn tell_disposed(kept: bool, info: OpInfo, scope: Option<NodeId>, completion: Completion) {
    if !kept && info.cancel_asked().is_some() && instrument::is_on() {
        info.tell_discarded(scope, completion);
    }
}
