//! Running on several cores: all start or none, and the first failure ends all.

use crate::alone::{alone, alone_as_user};
use crate::left_behind::{threads, wait_for_threads};
use crate::refused::{assert_says, complaints};
use crate::support::descriptors;
use crate::support::sandbox::{leave_descriptors, limit};
use async_channel::{Receiver, Sender, unbounded};
use nestling::{Builder, Core, Cores, Runtime};
use std::future::pending;
use std::io::{self, Error, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs a program that counts on how many cores it has started.
fn run_counted(cores: Cores) -> (io::Result<Vec<()>>, usize) {
    let started = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&started);
    let result = Runtime::builder().cores(cores).run(async move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    (result, started.load(Ordering::SeqCst))
}

/// The error of a choice of cores, with which nothing runs.
#[track_caller]
fn refused(cores: Cores) -> String {
    let (result, started) = run_counted(cores);
    assert_eq!(started, 0, "nothing has run");
    let error = result.expect_err("these cores cannot be had");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.to_string()
}

/// How many cores this process has; the tests of this file need two.
fn count() -> usize {
    let (result, started) = run_counted(Cores::All);
    result.expect("all cores run");
    assert!(started >= 2, "these tests need a machine with two cores");
    started
}

#[test]
fn too_many_cores_are_refused() {
    alone("cores::too_many_cores_are_refused", || {
        let count = count();
        let asked =
            format!("{} cores were asked for, but this process may use {count} ", count + 1);
        let text = refused(Cores::Count(count + 1));
        assert_says(&text, &[&asked, "(cores [", "Ask for fewer, or for all"]);
    });
}

#[test]
fn no_cores_are_refused() {
    alone("cores::no_cores_are_refused", || {
        assert_says(
            &refused(Cores::Count(0)),
            &["0 cores were asked for; at least one has to run"],
        );
        let empty = refused(Cores::Only(Vec::new()));
        assert_says(&empty, &["no cores were asked for; at least one has to run"]);
    });
}

#[test]
fn an_unknown_core_is_refused() {
    alone("cores::an_unknown_core_is_refused", || {
        let asked = "core 9999 was asked for, but this process may use ";
        assert_says(&refused(Cores::Only(vec![0, 9_999])), &[asked, "(cores ["]);
    });
}

#[test]
fn results_come_in_the_order_of_the_cores() {
    alone("cores::results_come_in_the_order_of_the_cores", || {
        let run = Runtime::builder().run(async |core| Ok::<_, Error>((core.index(), core.count())));
        let expected: Vec<_> = (0..count()).map(|index| (index, count())).collect();
        assert_eq!(run.expect("nothing fails"), expected);
    });
}

#[test]
fn j8_too_few_descriptors_for_all_cores_fail_the_run_before_it_begins() {
    alone("cores::j8_too_few_descriptors_for_all_cores_fail_the_run_before_it_begins", || {
        count();
        // A core needs three: for its ring, for its bell, and for the others to reach its ring.
        for left in 1..6 {
            let (files, soft, hard) = leave_descriptors(left);
            let (result, started) = run_counted(Cores::Count(2));
            let complaints = complaints();
            drop(files);
            assert_says(&complaints.concat(), &["core ", " cannot start: "]);
            let text = result.expect_err("the second core cannot start").to_string();
            let reached = format!("the limit of open descriptors (soft {soft}, hard {hard})");
            assert_says(&text, &["core ", " cannot start: ", &reached]);
            assert_eq!(started, 0, "nothing has run");
        }
        let (_files, ..) = leave_descriptors(6);
        let (result, started) = run_counted(Cores::Count(2));
        result.expect("six descriptors suffice for two cores");
        assert_eq!(started, 2);
        assert_eq!(complaints(), [""; 0], "they suffice for the doctor");
    });
}

/// The limit counts all threads of a user; here are only those of the test.
#[test]
fn j8_too_few_threads_fail_the_run_before_it_begins() {
    alone_as_user("cores::j8_too_few_threads_fail_the_run_before_it_begins", || {
        // Before any core has run: one that was joined may be counted for a moment more.
        let own = threads();
        let count = count();
        for allowed in 0..count {
            wait_for_threads(own);
            limit(libc::RLIMIT_NPROC, (own + allowed) as u64);
            let (result, started) = run_counted(Cores::All);
            assert_eq!(started, 0, "nothing has run");
            let text = result.expect_err("a thread is missing").to_string();
            let reached = format!("RLIMIT_NPROC is {} for all threads of the user", own + allowed);
            let remedy = "Raise it (ulimit -u, systemd LimitNPROC= and TasksMax=, docker \
                          --pids-limit) or use fewer cores";
            let start = "cannot start: a limit of threads was reached: ";
            assert_says(&text, &["core ", start, &reached, remedy]);
            wait_for_threads(own);
            let [complaint] = &complaints()[..] else { panic!("one check fails") };
            assert_says(complaint, &["core ", start, &reached, remedy]);
        }
        wait_for_threads(own);
        limit(libc::RLIMIT_NPROC, (own + count) as u64);
        let (result, started) = run_counted(Cores::All);
        result.expect("a thread for each core");
        assert_eq!(started, count);
    });
}

/// How a core in a test says that it waits, and that it was cancelled.
#[derive(Clone)]
struct Watch {
    waits: (Sender<()>, Receiver<()>),
    ended: Arc<AtomicUsize>,
}

/// Something that a waiting core holds; counts that it was dropped, in order.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Watch {
    fn new() -> Self {
        Self { waits: unbounded(), ended: Arc::new(AtomicUsize::new(0)) }
    }

    /// Waits for ever.
    async fn wait(&self) {
        let _held = Held(Arc::clone(&self.ended));
        self.waits.0.send(()).await.expect("the channel is open");
        pending::<()>().await;
    }

    /// Resolves when all other cores wait.
    async fn for_others(&self, core: Core) {
        for _ in 1..core.count() {
            self.waits.1.recv().await.expect("the channel is open");
        }
    }

    fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

#[test]
fn the_first_core_to_fail_cancels_the_others_and_all_are_joined() {
    alone("cores::the_first_core_to_fail_cancels_the_others_and_all_are_joined", || {
        let count = count();
        let before = (threads(), descriptors());
        for failing in 0..count {
            let watch = Watch::new();
            let on_core = watch.clone();
            let run = Runtime::builder().run(async move |core| {
                if core.index() != failing {
                    on_core.wait().await;
                    return Ok(());
                }
                on_core.for_others(core).await;
                Err(Error::other(format!("core {failing} has failed")))
            });
            let error = run.expect_err("one has failed");
            assert_eq!(error.to_string(), format!("core {failing} has failed"));
            assert_eq!(watch.ended(), count - 1, "all others were cancelled");
            assert_eq!(descriptors(), before.1, "all rings are closed");
            wait_for_threads(before.0);
        }
    });
}

/// What a run has panicked with.
fn thrown(run: impl FnOnce() -> io::Result<Vec<()>>) -> String {
    let thrown = catch_unwind(AssertUnwindSafe(run)).expect_err("a panic");
    thrown.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn g1_a_panic_of_a_core_reaches_the_caller_after_all_were_joined() {
    alone("cores::g1_a_panic_of_a_core_reaches_the_caller_after_all_were_joined", || {
        let count = count();
        let before = (threads(), descriptors());
        for failing in 0..count {
            let watch = Watch::new();
            let on_core = watch.clone();
            let text = thrown(|| {
                Runtime::builder().run(async move |core| {
                    if core.index() != failing {
                        on_core.wait().await;
                        return Ok(());
                    }
                    on_core.for_others(core).await;
                    panic!("core {failing} has panicked")
                })
            });
            assert_eq!(text, format!("core {failing} has panicked"));
            assert_eq!(watch.ended(), count - 1, "all others were cancelled");
            assert_eq!(descriptors(), before.1, "all rings are closed");
            wait_for_threads(before.0);
        }
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any("the bomb has gone off".to_owned());
    }
}

#[test]
fn g2_a_panic_of_a_cancelled_core_takes_the_place_of_the_error() {
    alone("cores::g2_a_panic_of_a_cancelled_core_takes_the_place_of_the_error", || {
        count();
        let watch = Watch::new();
        let text = thrown(|| {
            Runtime::builder().cores(Cores::Count(2)).run(async move |core| {
                if core.index() == 0 {
                    watch.for_others(core).await;
                    return Err(Error::other("the first core has failed"));
                }
                let _bomb = Bomb;
                watch.wait().await;
                Ok(())
            })
        });
        assert_eq!(text, "the bomb has gone off");
    });
}

#[test]
fn a_core_that_is_asked_for_twice_is_refused() {
    let cores = Cores::Only(vec![0, 0]);
    let result = Runtime::builder().cores(cores).run(async |_| Ok::<_, Error>(()));
    assert_eq!(result.unwrap_err().to_string(), "core 0 was asked for twice");
}

#[test]
fn a_name_that_no_thread_can_have_is_refused() {
    let builder = Runtime::builder().name("a\0b");
    let run = |builder: Builder| builder.run(async |_| Ok::<_, Error>(()));
    // Threads for blocking calls have it, too, whatever the cores are called.
    let renamed = builder.clone().per_core(|_, options| options.name("fine"));
    for error in [run(builder.clone()).err(), run(renamed).err(), builder.build().err()] {
        assert_eq!(error.expect("it is refused").kind(), ErrorKind::InvalidInput);
    }
}
