//! Models of what threads share, run in every order of their steps.
//!
//! ```text
//! RUSTFLAGS='--cfg loom -A dead_code -A unused_imports' \
//!     cargo test -p nestling-runtime --release --lib --target-dir target/models models
//! ```
//!
//! What runs is the code that ships: event loop, driver, wakers, inbox, teams. Replaced are, in
//! `sys/shared` and `ring`, the atomics, the queue (the channel's crate has no models), the event
//! counter, and the ring. A wake that is lost leaves everybody asleep, which the checker reports.
//!
//! The checker treats a SeqCst access like an AcqRel one, so an order that only those would give
//! counts as absent; SeqCst fences it knows. It has no time: nothing here sleeps with a deadline.

mod cancels;
mod channel;
mod cores;
mod inbox;
mod leases;
mod offload;
mod wakes;

use crate::cancel::{CancelHandle, RemoteCancelHandle};
use crate::children::{Children, Step};
use crate::cores::Builder;
use crate::label::Label;
use crate::runtime::Runtime;
use crate::sys::shared::kernel::{self, Conduct};
use loom::sync::{Condvar, Mutex};
use loom::thread::{self, JoinHandle};
use std::future::{Future, poll_fn};
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Once};
use std::task::Poll;

/// Words of stack for a thread that runs a core.
const STACK: usize = 1 << 15;

/// Runs a model in every order in which its threads are interrupted so many times, or in all. The
/// first that goes wrong ends the process: the threads of a model cannot be unwound by halves.
fn check(interruptions: Option<usize>, conduct: Conduct, f: impl Fn() + Send + Sync + 'static) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panic::set_hook(Box::new(end)));
    let mut model = loom::model::Builder::new();
    model.preemption_bound = interruptions;
    model.max_branches = 100_000;
    model.check(move || {
        kernel::boot(conduct);
        f();
    });
}

fn end(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let model = thread.name().unwrap_or("a model");
    // Not `eprintln`: that would be captured, and lost with the process.
    let _ = writeln!(std::io::stderr(), "the model {model} fails: {info}");
    std::process::abort();
}

/// Something that one thread gives to another, once.
struct Handed<T>(Mutex<Option<T>>, Condvar);

impl<T> Handed<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(None), Condvar::new()))
    }

    fn give(&self, it: T) {
        *self.0.lock().expect("no thread panics") = Some(it);
        self.1.notify_one();
    }

    fn take(&self) -> T {
        let mut place = self.0.lock().expect("no thread panics");
        loop {
            if let Some(it) = place.take() {
                return it;
            }
            place = self.1.wait(place).expect("no thread panics");
        }
    }
}

/// A core with the smallest rings.
fn runtime() -> Runtime {
    Builder::default().entries(1).build().expect("the modelled kernel has all")
}

/// A value that goes to another thread of the model although its type forbids it.
struct Moved<T>(T);

// SAFETY: the threads of a model take turns on one thread of the machine; and nothing of a runtime
// is bound to the thread that made it before it is entered.
unsafe impl<T> Send for Moved<T> {}

impl<T> Moved<T> {
    fn it(self) -> T {
        self.0
    }
}

/// Starts a thread that runs a core.
fn start(f: impl FnOnce(Runtime) + 'static) -> JoinHandle<()> {
    let moved = Moved((f, runtime()));
    let body = move || {
        let (f, runtime) = moved.it();
        f(runtime);
    };
    thread::Builder::new().stack_size(STACK).spawn(body).expect("a thread")
}

/// Waits for threads of the model.
fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
}

/// Runs a future as the only child of a nursery, until it ends or is cut; it is cancelled by what
/// is handed over.
async fn child(cancel: &Handed<RemoteCancelHandle>, future: impl Future<Output = ()> + 'static) {
    let children = Children::new(Label::here());
    // SAFETY: the future borrows nothing.
    let join = unsafe { children.spawn(future, |_, value| Some(value), Label::here()) };
    let core = crate::inbox::current().expect("a model runs a core");
    cancel.give(RemoteCancelHandle::new(&CancelHandle::of(&join), core));
    poll_fn(|cx| {
        let mut act = |step| assert!(matches!(step, Step::Cut(_)));
        // SAFETY: the future borrows nothing, and its `finish` looks at no owner.
        unsafe { children.poll(cx, std::ptr::null(), &mut act) };
        if children.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
