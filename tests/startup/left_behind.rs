//! What runtimes leave behind: nothing in this process, and nothing in those that it starts.

use crate::alone::alone;
use crate::support::{descriptors, process};
use nestling::net::{TcpListener, TcpStream};
use nestling::{Cores, Runtime, nursery};
use nestling_runtime::lowlevel::nop;
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// The threads of this process, those included that the kernel runs for it.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("the threads").count()
}

/// Waits until no more threads are left. One that was joined may still be on its last steps in the
/// kernel; one that was not is there for good.
pub(crate) fn wait_for_threads(count: usize) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let start = Instant::now();
    while threads() > count {
        assert!(start.elapsed() < PATIENCE, "{} threads, where {count} were", threads());
        yield_now();
    }
}

/// Kibibytes that a line of the kernel's account of this process tells.
fn kib(line: &str) -> u64 {
    process::kib(std::process::id(), line)
}

#[test]
fn b10_a_thousand_runtimes_leave_nothing() {
    alone("left_behind::b10_a_thousand_runtimes_leave_nothing", || {
        let cycle = |index: u32| {
            let mut runtime = Runtime::builder().build().expect("a runtime");
            // Some are dropped without ever running.
            if index.is_multiple_of(2) {
                runtime.block_on(nop()).expect("it does not fail");
            }
        };
        (0..100).for_each(cycle);
        let before = (descriptors(), threads(), kib("VmSize:"), kib("VmRSS:"));
        (0..1_000).for_each(cycle);
        assert_eq!(descriptors(), before.0);
        wait_for_threads(before.1);
        assert_eq!(kib("VmSize:"), before.2, "mapped memory, in KiB");
        // The kernel counts pages with a delay; a page kept by each would be 4,000 KiB.
        let grown = kib("VmRSS:").saturating_sub(before.3);
        assert!(grown < 1_000, "resident memory has grown by {grown} KiB");
    });
}

#[test]
fn b10_a_thousand_runs_on_two_cores_leave_nothing() {
    alone("left_behind::b10_a_thousand_runs_on_two_cores_leave_nothing", || {
        let cycle = |_: u32| {
            let run = Runtime::builder().cores(Cores::Count(2)).run(async |core| {
                nursery(async |n| {
                    n.spawn_on(1 - core.index(), async || nop().await);
                    nop().await
                })
                .await
            });
            run.expect("nothing fails");
        };
        (0..100).for_each(cycle);
        let before = (descriptors(), threads(), kib("VmRSS:"));
        (0..1_000).for_each(cycle);
        assert_eq!(descriptors(), before.0);
        wait_for_threads(before.1);
        // A page kept by each core would be 8,000 KiB.
        let grown = kib("VmRSS:").saturating_sub(before.2);
        assert!(grown < 2_000, "resident memory has grown by {grown} KiB");
    });
}

#[test]
fn b11_a_started_process_inherits_nothing() {
    alone("left_behind::b11_a_started_process_inherits_nothing", || {
        let before = descriptors();
        let mut runtime = Runtime::builder().build().expect("a runtime");
        let result: io::Result<()> = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let _client = TcpStream::connect(listener.local_addr()?).await?;
            let (_server, _) = listener.accept().await?;
            let mut ours = descriptors();
            ours.retain(|number, _| !before.contains_key(number));
            let kinds = ["anon_inode:[io_uring]", "anon_inode:[eventfd]", "socket:"];
            for (kind, count) in kinds.into_iter().zip([1, 1, 3]) {
                let found = ours.values().filter(|target| target.starts_with(kind)).count();
                assert_eq!(found, count, "{kind} in {ours:?}");
            }
            let list = Command::new("ls")
                .args(["-l", "/proc/self/fd"])
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                .output()?;
            let inherited = String::from_utf8_lossy(&list.stdout);
            assert!(inherited.contains("/dev/null"), "its own are listed: {inherited}");
            for target in ours.values() {
                assert!(!inherited.contains(target.as_str()), "{target} in\n{inherited}");
            }
            Ok(())
        });
        result.expect("the loopback works");
    });
}
