//! `Tasks`: what an instrument is told, as the spans and events that tokio-console understands.
//!
//! Its conventions are those of the crate `console-subscriber`: a span named `runtime.spawn` for a
//! task, at the level `TRACE`, entered while the task is polled; and events of the target
//! `runtime::waker` about the wakers of the task with that span.

use crate::instrument::Event;
use crate::label::{Id, Label};
use std::cell::RefCell;
use std::collections::BTreeMap;
use tracing::{Span, trace, trace_span};

/// A hook that shows tasks in [tokio-console](https://docs.rs/tokio-console), by way of the crate
/// `console-subscriber`: their names and source lines, how long they live, how often and how long
/// they are polled. Install it on each core.
///
/// The kind of a child is `task`, that of a nursery's body `body`, with the name of its nursery;
/// that of a core's program `block_on`. A poll of a task goes on while the children inside of it
/// are polled, so the busy times of outer tasks have those of inner ones in them. A task counts as
/// woken when its poll begins: the moment of the wake is not told. Resources are not shown; what a
/// task waits for is in [`dump_tree`](crate::dump_tree).
///
/// A program needs `console-subscriber` with its server on a thread of its own, as its `init`
/// starts it, and the flag `--cfg console_without_tokio_unstable`, by which it works without Tokio.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{console_tasks, instrument};
/// // In a program: console_subscriber::init();
/// let guard = instrument(console_tasks());
/// nestling_runtime::block_on(async { /* a server */ });
/// drop(guard);
/// ```
pub fn console_tasks() -> impl Fn(&Event) + 'static {
    let tasks = RefCell::new(Tasks::default());
    move |event| tasks.borrow_mut().record(event)
}

/// The spans of tasks that have not ended, and the labels of nurseries that are open.
#[derive(Default)]
struct Tasks {
    alive: BTreeMap<Id, Span>,
    nurseries: BTreeMap<Id, Label>,
}

impl Tasks {
    fn record(&mut self, event: &Event) {
        match *event {
            Event::Opened { nursery, label, .. } => drop(self.nurseries.insert(nursery, label)),
            Event::Closed { nursery } => drop(self.nurseries.remove(&nursery)),
            Event::Spawned { task, nursery, label } => self.spawned(task, nursery, label),
            Event::PollStarted { task } => {
                let Some(span) = self.alive.get(&task) else { return };
                waker(span, "waker.wake_by_ref");
                span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
            }
            Event::PollEnded { task } => {
                let span = self.alive.get(&task);
                span.and_then(|it| it.with_subscriber(|(id, dispatch)| dispatch.exit(id)));
            }
            Event::Ended { task, .. } => {
                let Some(span) = self.alive.remove(&task) else { return };
                waker(&span, "waker.drop");
            }
            _ => {}
        }
    }

    fn spawned(&mut self, task: Id, nursery: Option<Id>, label: Option<Label>) {
        let kind = match (nursery, label) {
            (None, _) => "block_on",
            (Some(_), None) => "body",
            (Some(_), Some(_)) => "task",
        };
        let label = label.or_else(|| self.nurseries.get(&nursery?).copied());
        let place = label.map(|label| label.place());
        let span = trace_span!(
            target: "runtime::task", parent: None, "runtime.spawn",
            kind, task.id = task.number(), task.name = label.and_then(|label| label.name()),
            loc.file = place.map(|it| it.file()),
            loc.line = place.map(|it| it.line()),
            loc.col = place.map(|it| it.column()),
        );
        // The one by which its nursery polls it: a task without a waker counts as lost.
        waker(&span, "waker.clone");
        self.alive.insert(task, span);
    }
}

/// Something happens to the waker of a task.
fn waker(task: &Span, op: &'static str) {
    if let Some(id) = task.id() {
        trace!(target: "runtime::waker", parent: None, op, task.id = id.into_u64());
    }
}
