//! `Spans`: what an instrument is told, as spans and events of the crate `tracing`.

use crate::instrument::{Ending, Event, Failure, Operation};
use crate::label::{Id, Label};
use std::cell::RefCell;
use std::collections::BTreeMap;
use tracing::{Span, debug, debug_span, error, info, warn};

/// A hook that makes spans: one for every nursery and task, below the one that it belongs to. A
/// task's span is entered while it is polled, so whatever the task logs is inside it.
///
/// Spans are of the level `DEBUG`, with the target `nestling`. First failures are `WARN`, panics
/// `ERROR`, derived and later ones `DEBUG`; cancellations `INFO`; a slow acknowledgement `WARN`,
/// a discarded success `DEBUG`.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{instrument, tracing_spans};
/// let guard = instrument(tracing_spans());
/// nestling_runtime::block_on(async {
///     tracing::info!("inside of the root's span");
/// });
/// drop(guard);
/// ```
pub fn tracing_spans() -> impl Fn(&Event) + 'static {
    let spans = RefCell::new(Spans::default());
    move |event| spans.borrow_mut().record(event)
}

/// The spans of what has not ended.
#[derive(Default)]
struct Spans {
    open: BTreeMap<Id, Span>,
}

impl Spans {
    fn record(&mut self, event: &Event) {
        match *event {
            Event::Opened { nursery, within, label } => {
                let parent = within.and_then(|within| self.open.get(&within)?.id());
                let span = debug_span!(
                    target: "nestling", parent: parent, "nursery",
                    id = nursery.number(), name = label.name(), place = place(label)
                );
                self.open.insert(nursery, span);
            }
            Event::Spawned { task, nursery, label } => {
                let parent = nursery.and_then(|nursery| self.open.get(&nursery)?.id());
                let id = task.number();
                let span = match (nursery, label) {
                    (None, _) => {
                        debug_span!(target: "nestling", parent: parent, "root", id)
                    }
                    (Some(_), None) => {
                        debug_span!(target: "nestling", parent: parent, "body", id)
                    }
                    (Some(_), Some(label)) => debug_span!(
                        target: "nestling", parent: parent, "child",
                        id, name = label.name(), place = place(label)
                    ),
                };
                self.open.insert(task, span);
            }
            Event::PollStarted { task } => {
                self.dispatch(task, |(id, dispatch)| dispatch.enter(id));
            }
            Event::Stalled { task, held, .. } => {
                let parent = id_of(self.open.get(&task));
                warn!(target: "nestling", parent: parent, ?held, "held the core");
            }
            Event::PollEnded { task } => self.dispatch(task, |(id, dispatch)| dispatch.exit(id)),
            Event::Closed { nursery } => drop(self.open.remove(&nursery)),
            Event::Ended { task, how } => {
                let span = self.open.remove(&task);
                if how == Ending::Panicked {
                    error!(target: "nestling", parent: id_of(span.as_ref()), "panicked");
                }
            }
            Event::Failed { nursery, task, how } => self.record_failure(nursery, task, how),
            Event::Cancelled { scope, reason } => {
                let parent = id_of(self.open.get(&scope));
                info!(target: "nestling", parent: parent, ?reason, "cancelled");
            }
            Event::CancelAsked { .. }
            | Event::Acknowledged { .. }
            | Event::Slow { .. }
            | Event::Discarded { .. } => self.record_operation(event),
        }
    }

    fn record_failure(&self, nursery: Id, task: Option<Id>, how: Failure) {
        let span = task.and_then(|task| self.open.get(&task));
        let parent = id_of(span.or_else(|| self.open.get(&nursery)));
        match how {
            Failure::First => warn!(target: "nestling", parent: parent, "failed"),
            Failure::Later => debug!(target: "nestling", parent: parent, "failed later"),
            Failure::Derived => debug!(target: "nestling", parent: parent, "was cancelled"),
        }
    }

    fn record_operation(&self, event: &Event) {
        match *event {
            Event::CancelAsked { operation } => {
                let parent = self.owner(&operation);
                let Operation { name, descriptor, .. } = operation;
                debug!(target: "nestling", parent: parent, name, descriptor, "cancel asked");
            }
            Event::Acknowledged { operation, after, .. } => {
                let parent = self.owner(&operation);
                let Operation { name, descriptor, .. } = operation;
                debug!(
                    target: "nestling", parent: parent, name, descriptor, ?after,
                    "cancel acknowledged"
                );
            }
            Event::Slow { operation, since } => {
                let parent = self.owner(&operation);
                let Operation { name, descriptor, .. } = operation;
                warn!(
                    target: "nestling", parent: parent, name, descriptor, ?since,
                    "the kernel does not acknowledge a cancel"
                );
            }
            Event::Discarded { operation, result } => {
                let parent = self.owner(&operation);
                let Operation { name, descriptor, .. } = operation;
                debug!(
                    target: "nestling", parent: parent, name, descriptor, result,
                    "a result was discarded"
                );
            }
            _ => {}
        }
    }

    fn owner(&self, operation: &Operation) -> Option<tracing::Id> {
        id_of(operation.owner.and_then(|owner| self.open.get(&owner)))
    }

    /// Enters or leaves a span by hand: polls begin and end in different calls.
    fn dispatch(&self, task: Id, act: impl FnOnce((&tracing::Id, &tracing::Dispatch))) {
        if let Some(span) = self.open.get(&task) {
            span.with_subscriber(act);
        }
    }
}

fn id_of(span: Option<&Span>) -> Option<tracing::Id> {
    span.and_then(Span::id)
}

fn place(label: Label) -> String {
    format!("{}:{}", label.place().file(), label.place().line())
}
