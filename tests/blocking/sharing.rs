//! The threads: shared by all cores, free of the cores' processors, and joined at the end.

use crate::support::{thread_id, watched};
use crate::threads;
use nestling::task::spawn_blocking;
use nestling::{Cores, Runtime};
use std::collections::BTreeSet;
use std::fs;
use std::io::Error;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// The processors that this thread may run on.
fn processors() -> String {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list")).unwrap();
    line.to_owned()
}

#[test]
fn two_cores_share_one_thread() {
    watched(|| {
        let threads = threads(1).cores(Cores::Count(2)).run(async |_| {
            let mut threads = BTreeSet::new();
            for _ in 0..100 {
                threads.insert(spawn_blocking(thread_id).await?);
            }
            Ok::<_, Error>(threads)
        });
        let threads: BTreeSet<_> = threads.unwrap().into_iter().flatten().collect();
        assert_eq!(threads.len(), 1, "{threads:?}");
    });
}

#[test]
fn calls_of_two_cores_run_at_the_same_time() {
    watched(|| {
        let meeting = Arc::new(Barrier::new(2));
        let meet = threads(2).cores(Cores::Count(2)).run(async move |_| {
            let meeting = Arc::clone(&meeting);
            Ok::<_, Error>(spawn_blocking(move || meeting.wait().is_leader()).await?)
        });
        let mut leaders = meet.unwrap();
        leaders.sort_unstable();
        assert_eq!(leaders, [false, true]);
    });
}

/// A thread inherits its processors from the one that starts it, here a core's, which is pinned.
#[test]
fn calls_run_on_any_processor_of_the_process() {
    watched(|| {
        let all = processors();
        let there = Runtime::builder().cores(Cores::Count(1)).run(async |_| {
            let there = spawn_blocking(processors).await?;
            Ok::<_, Error>((processors(), there))
        });
        let (core, there) = there.unwrap().remove(0);
        assert_eq!(there, all);
        if thread::available_parallelism().unwrap().get() > 1 {
            assert_ne!(core, all);
        }
    });
}

/// The kernel keeps 15 letters of a thread's name.
fn alive(prefix: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

#[test]
fn g8_a_thousand_runtimes_leave_no_thread() {
    watched(|| {
        for _ in 0..1000 {
            let mut runtime = Runtime::builder().entries(8).name("cycle").build().unwrap();
            runtime.block_on(async { spawn_blocking(|| ()).await.unwrap() });
            // Joined threads have ended, but may be listed a little longer.
            assert!(alive("cycle-blocking") <= 64);
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while alive("cycle-blocking") > 0 {
            assert!(Instant::now() < deadline, "{} are left", alive("cycle-blocking"));
            thread::yield_now();
        }
    });
}
