//! What a call gives back, and where it runs.

use crate::support::threads::name;
use crate::support::{thread_id, turn};
use crate::{gate, run, threads, under_way};
use nestling::task::spawn_blocking;
use nestling::{JoinError, Runtime, nursery, sync};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::panic::resume_unwind;

#[test]
fn a_value_comes_back_from_a_thread_of_the_pool() {
    run(Runtime::builder().name("server"), async || {
        let here = thread_id();
        let (there, name) = spawn_blocking(|| (thread_id(), name())).await.unwrap();
        assert_ne!(here, there);
        assert_eq!(name, "server-blocking-0");
        // The thread that is idle does.
        assert_eq!(spawn_blocking(thread_id).await.unwrap(), there);
    });
}

#[test]
fn r13_a_panic_comes_back_and_the_thread_lives_on() {
    run(threads(1), async || {
        let there = spawn_blocking(thread_id).await.unwrap();
        let thrown = spawn_blocking(|| resume_unwind(Box::new(7_u32))).await;
        let Err(JoinError::Panic(payload)) = thrown else { panic!("{thrown:?}") };
        assert_eq!(payload.downcast_ref(), Some(&7_u32));
        assert_eq!(spawn_blocking(thread_id).await.unwrap(), there);
    });
}

#[test]
fn the_core_goes_on_while_a_call_blocks() {
    run(Runtime::builder(), async || {
        let (open, closed) = gate();
        let (ping, pings) = sync::channel(1);
        let (pong, pongs) = sync::channel(1);
        nursery(async |n| {
            let call = n.spawn(async {
                spawn_blocking(move || closed.recv().is_ok()).await.map_err(io::Error::from)
            });
            n.spawn(async move {
                while let Some(number) = pings.recv().await {
                    pong.send(number + 1).await.unwrap();
                }
            });
            for number in 0..1000 {
                ping.send(number).await.unwrap();
                assert_eq!(pongs.recv().await, Some(number + 1));
            }
            drop(ping);
            assert!(!call.is_finished());
            open.send(()).unwrap();
            assert!(call.await?);
            Ok::<_, io::Error>(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_thousand_calls_share_four_threads() {
    let names = RefCell::new(BTreeSet::new());
    let sum = run(threads(4), async || {
        nursery(async |n| {
            let call = async |number: u64| {
                let (number, name) = spawn_blocking(move || (number, name())).await?;
                names.borrow_mut().insert(name);
                Ok::<_, io::Error>(number)
            };
            let handles: Vec<_> = (0..1000).map(|number| n.spawn(call(number))).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await?;
            }
            Ok::<_, io::Error>(sum)
        })
        .await
    });
    assert_eq!(sum.unwrap(), 499_500);
    let names = names.into_inner();
    assert!(names.len() <= 4, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("nestling-blocking-")), "{names:?}");
}

/// Back-pressure: so many calls are under way, the others wait in line and are served in order.
#[test]
fn a_core_has_twice_as_many_calls_under_way_as_there_are_threads() {
    let (done, order) = std::sync::mpsc::channel();
    run(threads(1), async || {
        let (open, closed) = gate();
        nursery(async |n| {
            let mut first = Some(closed);
            for number in 0..50 {
                let (done, wait) = (done.clone(), first.take());
                n.spawn(async move {
                    let call = move || {
                        wait.into_iter().for_each(|closed| closed.recv().unwrap());
                        done.send(number).unwrap();
                    };
                    spawn_blocking(call).await.map_err(io::Error::from)
                });
            }
            turn().await;
            assert_eq!(under_way(), 2);
            turn().await;
            assert_eq!(under_way(), 2);
            open.send(()).unwrap();
            Ok::<_, io::Error>(())
        })
        .await
        .unwrap();
    });
    drop(done);
    assert_eq!(order.iter().collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_call_may_run_a_runtime_of_its_own() {
    run(threads(1), async || {
        let inner = || {
            nestling::block_on(async {
                let there = thread_id();
                let deeper = spawn_blocking(thread_id).await.unwrap();
                assert_ne!(there, deeper);
                name()
            })
        };
        assert_eq!(spawn_blocking(inner).await.unwrap(), "nestling-blocking-0");
    });
}

#[test]
#[should_panic(expected = "a blocking call needs a nestling runtime")]
fn outside_a_runtime_it_is_refused() {
    futures_executor::block_on(spawn_blocking(|| ())).unwrap();
}
