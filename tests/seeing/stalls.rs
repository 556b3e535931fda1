//! Tasks that hold their core: named while they do, and when it is over.

use crate::support::watched;
use nestling::inspect::{Event, Stall, instrument};
use nestling::time::sleep;
use nestling::{Builder, Cores, Runtime, dump_tree, nursery};
use std::cell::RefCell;
use std::fs;
use std::hint::spin_loop;
use std::io::Error;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const THRESHOLD: Duration = Duration::from_millis(20);

/// A runtime whose stalls are told here.
fn telling(threshold: Duration) -> (Builder, Receiver<Stall>) {
    let (tell, told) = channel();
    let builder = Runtime::builder().stall_threshold(threshold);
    (builder.on_stall(move |stall| drop(tell.send(stall.clone()))), told)
}

/// Holds the core until a stall is told, however long that takes, and gives back that.
fn stall(told: &Receiver<Stall>) -> Stall {
    loop {
        match told.try_recv() {
            Ok(stall) => return stall,
            Err(_) => spin_loop(),
        }
    }
}

/// The name of each task that has stalled, and for how long it did.
type Stalls = Rc<RefCell<Vec<(Option<&'static str>, Duration)>>>;

/// Has the instrument note them.
fn stalls(events: &Stalls) -> impl Drop + use<> {
    let events = Rc::clone(events);
    instrument(move |event| {
        if let Event::Stalled { label, held, .. } = event {
            events.borrow_mut().push((label.and_then(|label| label.name()), *held));
        }
    })
}

#[test]
fn what_is_told_when_it_is_over() {
    watched(|| {
        let (builder, told) = telling(THRESHOLD);
        let events = Rc::default();
        let instrument = stalls(&events);
        let mut runtime = builder.build().unwrap();
        let line = runtime.block_on(nursery(async |n| {
            let child = n.spawn_named("cruncher", async {
                stall(&told);
                // It is over when the poll is.
                sleep(Duration::from_millis(1)).await;
                let tree = dump_tree().to_string();
                let line = tree.lines().find(|line| line.contains("─ child \"cruncher\""));
                Ok::<_, Error>(line.expect("its own").to_owned())
            });
            Ok::<_, Error>(child.await?)
        }));
        drop(instrument);
        let events = events.take();
        let of_child: Vec<_> =
            events.iter().filter(|(name, _)| *name == Some("cruncher")).collect();
        let [(_, held)] = of_child[..] else { panic!("{events:?}") };
        assert!(*held >= THRESHOLD);
        let line = line.unwrap();
        assert!(line.contains("; held the core for "), "{line}");
    });
}

#[test]
fn what_is_told_while_it_lasts() {
    watched(|| {
        let (builder, told) = telling(THRESHOLD);
        let mut runtime = builder.build().unwrap();
        let (seen, place) = runtime.block_on(async {
            nursery(async |n| {
                let place = line!() + 1;
                let child = n.spawn(async { Ok::<_, Error>(stall(&told)) });
                Ok::<_, Error>((child.await?, place))
            })
            .await
            .unwrap()
        });
        let label = seen.label.unwrap();
        assert_eq!((label.name(), label.place().line()), (None, place));
        assert!(seen.held >= THRESHOLD);
        let thread = thread::current().name().unwrap().to_owned();
        assert_eq!(seen.thread, thread);
        let text = seen.to_string();
        assert!(text.starts_with(&format!("the core of thread {thread:?} is held for ")), "{text}");
        assert!(text.ends_with(&format!("stalls.rs:{place}")), "{text}");
        // Once for each poll: nothing has come meanwhile.
        assert!(told.try_recv().is_err());
    });
}

/// What does not yield: a loop over awaits of others that are always ready.
#[test]
fn r18_a_loop_over_foreign_awaits_is_told() {
    watched(|| {
        let (builder, told) = telling(THRESHOLD);
        let mut runtime = builder.build().unwrap();
        let seen = runtime.block_on(nursery(async |n| {
            let child = n.spawn_named("greedy", async {
                loop {
                    std::future::ready(()).await;
                    if let Ok(stall) = told.try_recv() {
                        return Ok::<_, Error>(stall);
                    }
                }
            });
            Ok::<_, Error>(child.await?)
        }));
        let seen = seen.unwrap();
        assert_eq!(seen.label.unwrap().name(), Some("greedy"));
        assert!(seen.held >= THRESHOLD);
    });
}

/// The body and the future of `block_on` answer for themselves.
#[test]
fn a_body_and_a_root_are_named_as_well() {
    watched(|| {
        let (builder, told) = telling(THRESHOLD);
        let mut runtime = builder.build().unwrap();
        let of_body = runtime.block_on(nursery(async |_| Ok::<_, Error>(stall(&told))));
        let label = of_body.unwrap().label.expect("that of its nursery");
        assert_eq!(label.place().file(), file!());
        let of_root = runtime.block_on(async { stall(&told) });
        assert_eq!(of_root.label, None);
        assert!(of_root.to_string().ends_with(", its root"));
    });
}

/// Polls are nested; each task answers for its own part.
#[test]
fn those_around_do_not_answer_for_it() {
    watched(|| {
        let (builder, told) = telling(THRESHOLD);
        let events = Rc::default();
        let instrument = stalls(&events);
        let mut runtime = builder.build().unwrap();
        let ended = runtime.block_on(nursery(async |n| {
            n.spawn_named("outer", async {
                nursery(async |n| {
                    n.spawn_named("inner", async {
                        stall(&told);
                        Ok::<_, Error>(())
                    });
                    Ok::<_, Error>(())
                })
                .await
            });
            Ok::<_, Error>(())
        }));
        ended.unwrap();
        drop(instrument);
        let events = events.take();
        let longest = events.iter().max_by_key(|(_, held)| *held).unwrap();
        assert_eq!(longest.0, Some("inner"), "{events:?}");
    });
}

#[test]
fn who_behaves_is_never_told_of() {
    watched(|| {
        let (builder, told) = telling(Duration::from_secs(3600));
        let events = Rc::default();
        let instrument = stalls(&events);
        let mut runtime = builder.build().unwrap();
        let ended = runtime.block_on(nursery(async |n| {
            for _ in 0..100 {
                n.spawn(async {
                    for _ in 0..100 {
                        nestling::task::yield_now().await;
                    }
                    Ok::<_, Error>(())
                });
            }
            Ok::<_, Error>(())
        }));
        ended.unwrap();
        drop((instrument, runtime));
        assert_eq!(*events.borrow(), []);
        assert!(told.recv().is_err(), "the hook is gone, and was never called");
    });
}

#[test]
fn the_core_that_is_held_is_named() {
    watched(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = channel();
        let told = Mutex::new(told);
        let builder = Runtime::builder().name("held").cores(Cores::Count(2));
        let builder = builder.stall_threshold(THRESHOLD).on_stall(move |stall| {
            let _ = tell.send(stall.clone());
        });
        let all = Arc::clone(&seen);
        let names = builder.run(async move |core| {
            if core.index() == 1 {
                let stall = stall(&told.lock().unwrap());
                all.lock().unwrap().push(stall.thread);
            }
            Ok::<_, Error>(format!("held-{}", core.id()))
        });
        assert_eq!(*seen.lock().unwrap(), [names.unwrap().remove(1)]);
    });
}

/// The number of the thread with this name.
fn thread_named(name: &str) -> Option<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let mut named = tasks.filter(|task| {
        fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    });
    named.next().map(|task| task.to_str().unwrap().to_owned())
}

/// Waits until a thread sleeps without an end: in a futex with no timeout.
fn sleeps_for_ever(thread: &str) {
    loop {
        let call = fs::read_to_string(format!("{thread}/syscall")).unwrap();
        let words: Vec<_> = call.split_whitespace().collect();
        if words.len() > 4 && words[0] == libc::SYS_futex.to_string() && words[4] == "0x0" {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn a_program_that_rests_makes_no_system_call_for_it() {
    watched(|| {
        let (wake, woken) = async_channel::bounded(1);
        let (done, ended) = channel();
        let outside = thread::spawn(move || {
            let watchdog = loop {
                match thread_named("rests-watchdog") {
                    Some(thread) => break thread,
                    None => thread::yield_now(),
                }
            };
            // It has seen nothing for a while; then it is needed again.
            for _ in 0..3 {
                sleeps_for_ever(&watchdog);
                wake.send_blocking(()).unwrap();
                ended.recv().unwrap();
            }
        });
        let (builder, told) = telling(Duration::from_millis(1));
        let mut runtime = builder.name("rests").build().unwrap();
        runtime.block_on(async {
            while woken.recv().await.is_ok() {
                stall(&told);
                done.send(()).unwrap();
            }
        });
        outside.join().unwrap();
    });
}

#[test]
fn without_a_threshold_nobody_watches() {
    watched(|| {
        let mut runtime = Runtime::builder().name("unwatched").build().unwrap();
        runtime.block_on(async { assert_eq!(thread_named("unwatched-watch"), None) });
    });
}
