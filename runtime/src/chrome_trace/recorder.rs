//! `Recorder`: turns the events of one thread into slices that nest.
//!
//! A row of the trace is a stack of slices. A child starts one; a nursery goes on top of the task
//! that opened it, and its body on top of that. Two nurseries that one task runs side by side do
//! not nest, so the second gets a row of its own.

use super::lock;
use super::sink::Sink;
use crate::instrument::{Event, Operation};
use crate::label::{Id, Label};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process;
use std::sync::{Arc, Mutex};
use std::thread;

/// Bits that number the tasks of one thread, in names of rows.
const TASK_BITS: u32 = 40;

/// What is known of a nursery or task that has not ended.
struct Slice {
    name: String,
    /// The row of the slice, called after the slice at its bottom.
    row: Id,
}

/// The events of one thread.
pub(super) struct Recorder {
    sink: Arc<Mutex<Sink>>,
    thread: u64,
    slices: BTreeMap<Id, Slice>,
    /// The slices of each row, from the bottom up.
    rows: BTreeMap<Id, Vec<Id>>,
    /// The polls that are going on, from the outside in.
    polls: Vec<Id>,
}

impl Recorder {
    pub(super) fn new(sink: Arc<Mutex<Sink>>) -> Self {
        let current = thread::current();
        let name = current.name().map_or_else(|| format!("{:?}", current.id()), str::to_owned);
        let thread = lock(&sink).add_thread(&name);
        Self { sink, thread, slices: BTreeMap::new(), rows: BTreeMap::new(), polls: Vec::new() }
    }

    pub(super) fn record(&mut self, event: &Event) {
        match *event {
            Event::Opened { nursery, within, label } => {
                let args = json!({ "nursery": nursery.number(), "place": place(label) });
                self.begin(nursery, within, named("nursery", label), args);
            }
            Event::Closed { nursery } => self.end(nursery, json!({})),
            Event::Spawned { task, nursery: None, .. } => {
                self.begin(task, None, "root".to_owned(), json!({ "task": task.number() }));
            }
            Event::Spawned { task, nursery: Some(nursery), label: None } => {
                let args = json!({ "task": task.number(), "nursery": nursery.number() });
                self.begin(task, Some(nursery), "body".to_owned(), args);
            }
            Event::Spawned { task, nursery: Some(nursery), label: Some(label) } => {
                let args = json!({
                    "task": task.number(), "nursery": nursery.number(), "place": place(label),
                });
                self.begin(task, None, named("child", label), args);
            }
            Event::PollStarted { task } => self.begin_poll(task),
            Event::Stalled { task, held, .. } => {
                let args = json!({ "task": task.number(), "held_us": held.as_micros() as u64 });
                self.mark("stalled", args);
            }
            Event::PollEnded { task } => self.end_poll(task),
            Event::Ended { task, how } => self.end(task, json!({ "how": format!("{how:?}") })),
            Event::Failed { nursery, task, how } => {
                let name = format!("failure ({how:?})").to_lowercase();
                let task = task.map(Id::number);
                self.mark(&name, json!({ "nursery": nursery.number(), "task": task }));
            }
            Event::Cancelled { scope, reason } => {
                let name = format!("cancel ({reason:?})").to_lowercase();
                self.mark(&name, json!({ "scope": scope.number() }));
            }
            Event::CancelAsked { operation } => {
                self.mark("cancel asked", describe(&operation));
            }
            Event::Acknowledged { operation, after, .. } => {
                let mut args = describe(&operation);
                args["after_us"] = json!(after.as_micros() as u64);
                self.mark("cancel acknowledged", args);
            }
            Event::Slow { operation, .. } => self.mark("slow to cancel", describe(&operation)),
            Event::Discarded { operation, .. } => self.mark("discarded", describe(&operation)),
        }
    }

    /// Begins a slice: on top of the slice of `on`, if that is the top, else on a row of its own.
    fn begin(&mut self, id: Id, on: Option<Id>, name: String, args: Value) {
        let on = on.and_then(|on| {
            let row = self.slices.get(&on)?.row;
            (self.rows[&row].last() == Some(&on)).then_some(row)
        });
        let row = on.unwrap_or(id);
        self.write_slice("b", row, &name, args);
        self.rows.entry(row).or_default().push(id);
        self.slices.insert(id, Slice { name, row });
    }

    /// Ends a slice, with the slices on top of it: their nurseries were forgotten.
    fn end(&mut self, id: Id, args: Value) {
        let Some(row) = self.slices.get(&id).map(|slice| slice.row) else { return };
        loop {
            let top = self.rows.get_mut(&row).and_then(Vec::pop);
            let Some(top) = top else { break };
            let Some(slice) = self.slices.remove(&top) else { continue };
            let its = if top == id { args.clone() } else { json!({}) };
            self.write_slice("e", row, &slice.name, its);
            if top == id {
                break;
            }
        }
        if self.rows.get(&row).is_some_and(Vec::is_empty) {
            self.rows.remove(&row);
        }
    }

    fn write_slice(&self, phase: &str, row: Id, name: &str, args: Value) {
        let row = format!("{:#x}", self.thread << TASK_BITS | row.number());
        self.write(json!({ "ph": phase, "cat": "task", "name": name, "id": row, "args": args }));
    }

    fn begin_poll(&mut self, task: Id) {
        let name = match self.slices.get(&task) {
            Some(slice) => slice.name.clone(),
            // The task is older than this recorder.
            None => format!("task {task}"),
        };
        self.polls.push(task);
        let args = json!({ "task": task.number() });
        self.write(json!({ "ph": "B", "cat": "poll", "name": name, "args": args }));
    }

    fn end_poll(&mut self, task: Id) {
        if self.polls.last() == Some(&task) {
            self.polls.pop();
            self.write(json!({ "ph": "E" }));
        }
    }

    /// A mark on the thread.
    fn mark(&self, name: &str, args: Value) {
        self.write(json!({ "ph": "i", "s": "t", "cat": "event", "name": name, "args": args }));
    }

    /// Writes an event, with the fields that all events have.
    fn write(&self, mut event: Value) {
        let mut sink = lock(&self.sink);
        event["pid"] = json!(process::id());
        event["tid"] = json!(self.thread);
        event["ts"] = json!(sink.now());
        sink.write(event);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        while let Some(task) = self.polls.last().copied() {
            self.end_poll(task);
        }
        while let Some((bottom, _)) = self.rows.first_key_value() {
            self.end(*bottom, json!({}));
        }
    }
}

fn named(kind: &str, label: Label) -> String {
    match label.name() {
        Some(name) => name.to_owned(),
        None => {
            let path = label.place().file();
            let file = path.rsplit('/').next().unwrap_or(path);
            format!("{kind} {file}:{}", label.place().line())
        }
    }
}

fn place(label: Label) -> String {
    format!("{}:{}", label.place().file(), label.place().line())
}

fn describe(operation: &Operation) -> Value {
    let owner = operation.owner.map(Id::number);
    json!({ "operation": operation.name, "fd": operation.descriptor, "owner": owner })
}
