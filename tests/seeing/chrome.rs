//! A trace is what the Trace Event Format says, so that viewers load it.

use crate::support::nurseries::{E, listener, never, settle, throw, within};
use crate::support::poll_once;
use crate::support::process::build;
use nestling::inspect::{ChromeTrace, instrument};
use nestling::task::yield_now;
use nestling::{Cores, Options, Runtime, block_on, nursery, nursery_with};
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::future::pending;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// A place to write that can be read afterwards.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("text")
    }
}

/// Runs a future with a recorder, and gives back its trace, which is valid.
fn traced<T>(test: impl AsyncFnOnce() -> T) -> Trace {
    let written = Written::default();
    let trace = ChromeTrace::new(written.clone());
    let guard = instrument(trace.recorder());
    block_on(test());
    drop(guard);
    trace.finish().expect("memory takes everything");
    Trace::validated(&written.text())
}

/// A trace that holds to the format, sorted out.
#[derive(Default)]
struct Trace {
    /// For each row, from the outside in and then in time: depth and name of its slices.
    rows: Vec<Vec<(usize, String)>>,
    polls: Vec<(usize, String)>,
    marks: Vec<String>,
    threads: Vec<String>,
}

fn text<'v>(event: &'v Value, field: &str) -> &'v str {
    event[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {event}"))
}

impl Trace {
    /// Checks every event by itself, and that begins and ends fit together.
    #[track_caller]
    fn validated(text_of_file: &str) -> Self {
        let file: Value = serde_json::from_str(text_of_file).expect("it is JSON");
        let mut trace = Self::default();
        let mut rows: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
        let mut polls: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let mut last: BTreeMap<u64, f64> = BTreeMap::new();
        let mut ended_rows = Vec::new();
        for event in file.as_array().expect("an array of events") {
            let phase = text(event, "ph");
            assert!(event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
            let thread = event["tid"].as_u64().expect("just asked");
            if phase == "M" {
                assert!(["process_name", "thread_name"].contains(&text(event, "name")));
                let name = text(&event["args"], "name");
                if event["name"] == "thread_name" {
                    assert_eq!(polls.insert(thread, Vec::new()), None, "a thread is named once");
                    trace.threads.push(name.to_owned());
                }
                continue;
            }
            let now = event["ts"].as_f64().expect("a time in microseconds");
            let before = last.insert(thread, now).unwrap_or_default();
            assert!(now >= before, "time goes on: {event}");
            let polls = polls.get_mut(&thread).expect("a thread has a name");
            match phase {
                "B" => {
                    trace.polls.push((polls.len(), text(event, "name").to_owned()));
                    polls.push(text(event, "name").to_owned());
                }
                "E" => drop(polls.pop().expect("an end has a begin")),
                "i" => {
                    assert_eq!(text(event, "s"), "t");
                    trace.marks.push(text(event, "name").to_owned());
                }
                "b" => {
                    assert_eq!(text(event, "cat"), "task");
                    let id = text(event, "id");
                    assert!(id.starts_with("0x"), "{event}");
                    let at = trace.rows.len();
                    let (row, open) = rows.entry(id.to_owned()).or_insert_with(|| {
                        assert!(!ended_rows.contains(&id.to_owned()), "a row is used once");
                        (at, Vec::new())
                    });
                    if *row == trace.rows.len() {
                        trace.rows.push(Vec::new());
                    }
                    trace.rows[*row].push((open.len(), text(event, "name").to_owned()));
                    open.push(text(event, "name").to_owned());
                }
                "e" => {
                    assert_eq!(text(event, "cat"), "task");
                    let id = text(event, "id").to_owned();
                    let (_, open) = rows.get_mut(&id).expect("an end has a begin");
                    assert_eq!(open.pop().as_deref(), Some(text(event, "name")), "they nest");
                    if open.is_empty() {
                        rows.remove(&id);
                        ended_rows.push(id);
                    }
                }
                other => panic!("phase {other:?} in {event}"),
            }
        }
        assert!(rows.is_empty(), "what begins ends: {rows:?}");
        assert!(polls.values().all(Vec::is_empty), "what is polled rests: {polls:?}");
        trace
    }

    fn row(&self, name: &str) -> Vec<String> {
        let starts_so = |row: &&Vec<(usize, String)>| row[0].1 == name;
        let row = self.rows.iter().find(starts_so).unwrap_or_else(|| panic!("no row {name:?}"));
        row.iter().map(|(depth, name)| "  ".repeat(*depth) + name).collect()
    }
}

fn named(name: &'static str) -> Options {
    Options { name: Some(name), ..Options::default() }
}

#[test]
fn nurseries_nest_in_the_task_that_opened_them() {
    within(|| {
        let trace = traced(async || -> Result<(), E> {
            nursery_with(named("outer"), async |n| {
                n.spawn_named("child", async {
                    nursery_with(named("inner"), async |n| {
                        n.spawn_named("grandchild", yield_now());
                        Ok::<_, E>(())
                    })
                    .await
                });
                nursery_with(named("second"), async |_| Ok(())).await
            })
            .await
        });
        assert_eq!(
            trace.row("root"),
            ["root", "  outer", "    body", "      second", "        body"]
        );
        assert_eq!(trace.row("child"), ["child", "  inner", "    body"]);
        assert_eq!(trace.row("grandchild"), ["grandchild"]);
        // On the thread, polls are nested as the tasks are.
        let deepest = trace.polls.iter().find(|(_, name)| name == "grandchild");
        assert_eq!(deepest, Some(&(2, "grandchild".to_owned())), "{:?}", trace.polls);
    });
}

#[test]
fn nurseries_side_by_side_have_rows_of_their_own() {
    within(|| {
        let trace = traced(async || {
            let first = nursery_with(named("first"), async |_| {
                settle().await;
                Ok::<_, E>(())
            });
            let second = nursery_with(named("second"), async |_| {
                settle().await;
                Ok::<_, E>(())
            });
            futures_util::future::join(first, second).await
        });
        assert_eq!(trace.row("root"), ["root", "  first", "    body"]);
        assert_eq!(trace.row("second"), ["second", "  body"]);
    });
}

#[test]
fn what_is_forgotten_or_panics_ends_all_the_same() {
    within(|| {
        traced(async || {
            let mut lost = Box::pin(nursery(async |n| {
                n.spawn(pending::<()>());
                pending::<Result<(), E>>().await
            }));
            assert!(poll_once(lost.as_mut()).await.is_pending());
            std::mem::forget(lost);
        });
        let written = Written::default();
        let trace = ChromeTrace::new(written.clone());
        let guard = instrument(trace.recorder());
        let thrown = catch_unwind(AssertUnwindSafe(|| {
            block_on(nursery(async |n| {
                n.spawn_named("throws", async { throw(1) });
                pending::<Result<(), E>>().await
            }))
        }));
        assert!(thrown.is_err());
        drop(guard);
        // Without `finish`, too.
        drop(trace);
        let trace = Trace::validated(&written.text());
        assert!(trace.marks.contains(&"cancel (failure)".to_owned()), "{:?}", trace.marks);
    });
}

#[test]
fn a_recorder_in_the_middle_of_a_run_is_complete_in_itself() {
    within(|| {
        let written = Written::default();
        let trace = ChromeTrace::new(written.clone());
        let result: Result<(), E> = block_on(nursery(async |n| {
            n.spawn(async {
                yield_now().await;
                yield_now().await;
            });
            let guard = instrument(trace.recorder());
            n.spawn_named("during", yield_now());
            settle().await;
            let open = pin!(nursery(async |_| pending::<Result<(), E>>().await));
            assert!(poll_once(open).await.is_pending());
            n.spawn_named("still there", pending::<()>());
            drop(guard);
            n.cancel();
            Ok(())
        }));
        assert_eq!(result, Ok(()));
        trace.finish().expect("memory takes everything");
        let trace = Trace::validated(&written.text());
        assert_eq!(trace.row("during"), ["during"]);
        assert_eq!(trace.row("still there"), ["still there"]);
    });
}

#[test]
fn failures_and_cancels_are_marks() {
    within(|| {
        let trace = traced(async || -> Result<(), E> {
            let accepting = listener().await;
            nursery(async |n| {
                n.spawn(never(&accepting));
                settle().await;
                Err(E::Boom(1))
            })
            .await
        });
        let expected = [
            "failure (first)",
            "cancel (failure)",
            "cancel asked",
            "cancel acknowledged",
            "failure (derived)",
        ];
        assert_eq!(trace.marks, expected);
    });
}

#[test]
fn two_cores_write_into_one_file() {
    let written = Written::default();
    let trace = ChromeTrace::new(written.clone());
    let shared = trace.clone();
    let cores = Runtime::builder().name("traced").cores(Cores::Count(2));
    let ran = cores.run(async move |_| {
        let _guard = instrument(shared.recorder());
        nursery(async |n| {
            for _ in 0..50 {
                n.spawn(yield_now());
            }
            Ok::<_, io::Error>(())
        })
        .await
    });
    assert_eq!(ran.expect("both run").len(), 2);
    trace.finish().expect("memory takes everything");
    let mut trace = Trace::validated(&written.text());
    trace.threads.sort();
    assert_eq!(trace.threads, ["traced-0", "traced-1"]);
    assert_eq!(trace.polls.iter().filter(|(_, name)| name.starts_with("child")).count(), 200);
}

/// A disk that is full ends the trace, not the program; and `finish` says so.
#[test]
fn an_error_of_writing_is_told_at_the_end() {
    within(|| {
        let trace = ChromeTrace::create("/dev/full").expect("a device");
        let guard = instrument(trace.recorder());
        block_on(async {
            let result: Result<(), E> = nursery(async |n| {
                (0..1000).for_each(|_| drop(n.spawn(yield_now())));
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
        drop(guard);
        let error = trace.finish().expect_err("nothing fits");
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
    });
}

#[test]
fn the_example_writes_a_valid_trace() {
    let program = env::current_exe().expect("this program");
    let path = program.with_file_name(format!("trace-{}.json", std::process::id()));
    let output = Command::new(build("trace")).arg(&path).output().expect("it was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&path).expect("it was written");
    std::fs::remove_file(&path).expect("it was written");
    let trace = Trace::validated(&text);
    for name in ["client", "connection", "card", "mail", "inventory", "impatient"] {
        trace.row(name);
    }
    assert!(trace.marks.contains(&"cancel (deadline)".to_owned()));
    assert!(trace.marks.contains(&"failure (first)".to_owned()));
}
