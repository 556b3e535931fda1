//! `run`: carries one plan out on a thread of its own, and looks at it from outside.

use crate::allowed;
use crate::generate;
use crate::log::{Event, Events, Log};
use crate::nest::Outside;
use crate::plan::Plan;
use crate::run::{Here, Run, steps};
use crate::support::descriptors;
use crate::tree::ROOT;
use crate::world::{Place, World};
use futures_util::FutureExt;
use nestling::{Runtime, Stats};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Far more than any plan needs: it only tells a hang from a slow machine.
const HANG: Duration = Duration::from_secs(20);

/// What a run leaves to look at.
struct Left {
    stats: Stats,
    forgot: bool,
}

/// Carries a plan out and checks its log, the driver's counters and the process's descriptors.
///
/// # Errors
///
/// What is wrong, with the plan and the log up to there.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    let before = named();
    let events = Events::default();
    let (done, ended) = channel();
    let thread = thread::spawn({
        let events = Events::clone(&events);
        move || {
            let left = carry_out(&generate::plan(seed), &events);
            let _ = done.send(());
            left
        }
    });
    if ended.recv_timeout(HANG) == Err(RecvTimeoutError::Timeout) {
        return Err(report(seed, &events, None, "it hangs"));
    }
    let left = match thread.join() {
        Ok(left) => left,
        Err(panic) => return Err(report(seed, &events, None, &text(&*panic))),
    };
    let log = events.lock().expect("nobody panics there").clone();
    if let Err((number, breach)) = allowed::check(&log) {
        return Err(report(seed, &events, Some(number), &breach));
    }
    from_outside(&left, &before).map_err(|breach| report(seed, &events, None, &breach))
}

fn carry_out(plan: &Plan, events: &Events) -> Left {
    let mut runtime = Runtime::builder().build().expect("a ring");
    let forgot = runtime.block_on(async {
        let world = World::new(plan).await;
        let (cancellers, forgot) = (RefCell::default(), Cell::new(false));
        let (log, threads) = (Log::new(events), RefCell::default());
        let (names, polled) = (Cell::new(100_000), RefCell::default());
        let run = Run { log, world, cancellers, forgot, names, polled, threads };
        let place = Place { nurseries: Rc::new([]), forgettable: false };
        let here = Here { run: &run, level: &Outside, task: ROOT, scope: ROOT, place };
        let end = AssertUnwindSafe(steps(here, &plan.root)).catch_unwind().await;
        if let Err(payload) = end {
            assert!(payload.is::<u32>(), "{}", text(&*payload));
        }
        for thread in run.threads.take() {
            thread.join().expect("a cancel does not panic");
        }
        // A receive that was forgotten keeps what it was handed.
        assert!(run.world.lost() == 0 || run.forgot.get(), "r19: messages are lost");
        run.forgot.get()
    });
    Left { stats: runtime.stats(), forgot }
}

/// What a panic says that is none of the plan's.
fn text(payload: &dyn std::any::Any) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a text"))
}

/// What is left of a run in the kernel and in the process.
fn from_outside(left: &Left, before: &BTreeSet<String>) -> Result<(), String> {
    let Stats { submitted, completed, in_flight, stale, leaked, .. } = left.stats;
    if submitted != completed || (in_flight, stale, leaked) != (0, 0, 0) {
        return Err(format!("g3: the kernel is not done: {:?}", left.stats));
    }
    let open: Vec<_> = named().difference(before).cloned().collect();
    // What is forgotten in flight keeps its ring and its socket.
    if open.is_empty() || left.forgot { Ok(()) } else { Err(format!("r15: still open: {open:?}")) }
}

/// What the process's descriptors name.
fn named() -> BTreeSet<String> {
    descriptors().into_values().collect()
}

/// A failure in full: what is wrong, how to run it again, the plan and the log up to there.
fn report(seed: u64, events: &Events, number: Option<usize>, breach: &str) -> String {
    let plan = generate::plan(seed);
    let mut report =
        format!("{breach}\nTo run it again: NESTLING_SEED={seed} cargo test --test model\n{plan}");
    let events = events.lock().expect("nobody panics there");
    let upto = number.map_or(events.len(), |number| (number + 1).min(events.len()));
    for (number, event) in events[..upto].iter().enumerate() {
        if !matches!(event, Event::Seen { .. }) {
            let _ = writeln!(report, "{number:5} {event:?}");
        }
    }
    report + breach
}
