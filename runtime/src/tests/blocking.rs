//! The threads for blocking calls end when they are idle for long.

use crate::Runtime;
use crate::blocking::blocking;
use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

/// The threads of this process with such a name, of which the kernel keeps 15 letters.
fn alive(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

#[test]
fn threads_that_are_idle_end_and_the_next_call_starts_another() {
    let mut builder = Runtime::builder().name("brief");
    builder.config.blocking_keep_alive = Duration::from_millis(1);
    let mut runtime = builder.build().expect("a ring");
    let mut names = BTreeSet::new();
    // A listing of threads may miss one while others end: then it takes the next call as well.
    for _ in 0..1000 {
        if names.len() == 20 {
            break;
        }
        let call = blocking(|| thread::current().name().unwrap_or_default().to_owned());
        names.insert(runtime.block_on(call).expect("a name"));
        while alive("brief-blocking-") > 0 {
            thread::yield_now();
        }
    }
    // Each was joined, and the next call started another.
    assert_eq!(names.len(), 20, "{names:?}");
}
