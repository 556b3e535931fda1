//! Fewer cores than the machine has: what a mask or a quota leaves, and what each is told.

use crate::alone::alone;
use crate::left_behind::{threads, wait_for_threads};
use crate::refused::{assert_says, complaints};
use crate::support::sandbox::keep_to_core;
use nestling::doctor::Verdict;
use nestling::{Cores, Runtime};
use std::fs;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

/// The numbers of the cores that run.
fn ids(cores: Cores) -> io::Result<Vec<usize>> {
    Runtime::builder().cores(cores).run(async |core| Ok::<_, Error>(core.id()))
}

/// What the doctor notes about the cores.
fn noted() -> String {
    let report = nestling::doctor();
    let check = report.checks().iter().find(|check| check.name() == "cores").expect("its line");
    assert_eq!(check.verdict(), Verdict::Noted, "{report}");
    check.finding().to_owned()
}

#[test]
fn f13_a_mask_of_one_core_is_kept() {
    alone("fewer::f13_a_mask_of_one_core_is_kept", || {
        let all = ids(Cores::All).expect("they run");
        for id in all {
            // A thread that the test starts has the mask, and gives it to those that it starts.
            let masked = thread::spawn(move || {
                keep_to_core(id);
                let text = ids(Cores::Count(2)).expect_err("there is one").to_string();
                let says = format!("this process may use 1 (cores [{id}])");
                assert_says(&text, &["2 cores were asked for", &says]);
                let noted = noted();
                assert!(noted.starts_with(&format!("1 core ({id}), of ")), "{noted}");
                assert_says(&noted, &["the affinity mask (taskset, cpuset) has no more"]);
                ids(Cores::All).expect("it runs")
            });
            assert_eq!(masked.join().expect("no panic"), [id]);
        }
    });
}

/// A group of processes with a limit; goes with its last process.
struct Group(PathBuf);

impl Group {
    /// One that may keep a single processor busy. `None` where this process may not make one.
    fn of_one_processor() -> Option<Self> {
        Self::with([
            ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "100000"),
            ("/sys/fs/cgroup", "cpu.max", "100000 100000"),
        ])
    }

    /// One that may have so many threads.
    fn of_threads(most: usize) -> Option<Self> {
        let most = &most.to_string();
        let file = "pids.max";
        Self::with([("/sys/fs/cgroup/pids", file, most), ("/sys/fs/cgroup", file, most)])
    }

    /// One with the limit that can be set: those of both versions.
    fn with(limits: [(&str, &str, &str); 2]) -> Option<Self> {
        let name = format!("nestling-test-{}", process::id());
        limits.into_iter().find_map(|(root, file, limit)| {
            let group = Self(Path::new(root).join(&name));
            fs::create_dir(&group.0).ok()?;
            fs::write(group.0.join(file), limit).ok()?;
            Some(group)
        })
    }

    fn inside(&self, file: &str, limit: usize) -> Option<Self> {
        let group = Self(self.0.join("inside"));
        fs::create_dir(&group.0).ok()?;
        fs::write(group.0.join(file), limit.to_string()).ok()?;
        Some(group)
    }

    fn join(&self) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), process::id().to_string())
    }

    fn leave(&self) -> io::Result<()> {
        fs::write(self.0.with_file_name("cgroup.procs"), process::id().to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn f13_a_quota_of_one_processor_is_kept_by_default() {
    alone("fewer::f13_a_quota_of_one_processor_is_kept_by_default", || {
        let Some(group) = Group::of_one_processor() else {
            eprintln!("no group can be made here: not tested");
            return;
        };
        group.join().expect("it takes us in");
        let ran = [ids(Cores::All), ids(Cores::Count(2))];
        let noted = noted();
        group.leave().expect("the one above takes us back");
        let [all, two] = ran.map(|ran| ran.expect("they run").len());
        assert_eq!(all, 1, "what is paid for");
        assert_eq!(two, 2, "what is asked for");
        assert_says(&noted, &["1 core (", ", of ", "the CPU quota of the control group pays"]);
    });
}

#[test]
fn j8_a_limit_of_threads_of_the_group_is_named() {
    alone("fewer::j8_a_limit_of_threads_of_the_group_is_named", || {
        let own = threads();
        let Some(group) = Group::of_threads(own) else {
            eprintln!("no group can be made here: not tested");
            return;
        };
        // What limits is the group above, where groups can be nested just like that.
        let roomy = group.inside("pids.max", own + 1_000);
        roomy.as_ref().unwrap_or(&group).join().expect("it takes us in");
        let ran = ids(Cores::Count(1));
        let complaints = complaints();
        wait_for_threads(own);
        group.leave().expect("the one above takes us back");
        drop(roomy);
        let limit = format!("pids.max of the control group is {own}, {own} are in use");
        let text = ran.expect_err("no thread can be started").to_string();
        for text in [text, complaints.concat()] {
            let start = " cannot start: a limit of threads was reached: ";
            assert_says(&text, &["core ", start, &limit, "docker --pids-limit"]);
        }
    });
}

#[test]
fn each_core_has_its_own_options() {
    alone("fewer::each_core_has_its_own_options", || {
        let builder = Runtime::builder().cores(Cores::Count(2)).name("plain");
        let builder = builder.per_core(|core, options| match core.index() {
            0 => options,
            _ => options.name("other").pin(false),
        });
        let run = builder.run(async |core| {
            let name = thread::current().name().map(str::to_owned);
            Ok::<_, Error>((core.id(), name.expect("it has one"), allowed()))
        });
        let [(first, plain, one), (second, other, all)] =
            run.expect("they run").try_into().expect("two");
        assert_eq!((plain, one), (format!("plain-{first}"), 1));
        assert_eq!(other, format!("other-{second}"));
        assert!(all > 1, "it is not pinned");
    });
}

/// How many cores this thread may run on.
fn allowed() -> usize {
    thread::available_parallelism().expect("it is known").get()
}

#[test]
fn options_of_a_core_are_checked_before_any_starts() {
    let builder = Runtime::builder().cores(Cores::Count(2));
    let builder = builder.per_core(|core, options| match core.index() {
        0 => options,
        _ => options.name("a\0b"),
    });
    let error = builder.run(async |_| Err::<(), _>(Error::other("it ran"))).unwrap_err();
    assert_says(&error.to_string(), &["a thread cannot be named"]);
}
