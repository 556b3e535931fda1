//! `spawn_on`: results, failures, panics and cancellations travel, and all is joined.

use crate::support::nurseries::within;
use crate::support::threads::name;
use futures_util::future::{Either, select};
use nestling::net::{TcpListener, TcpStream};
use nestling::time::{Instant, sleep};
use nestling::{Core, Cores, Runtime, cancelled, is_cancelled, nursery, stats};
use std::future::pending;
use std::io::{self, Error, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Runs a program on two cores, and fails if it hangs.
#[track_caller]
fn two<T: Send + 'static>(
    main: impl AsyncFn(Core) -> io::Result<T> + Send + Sync + 'static,
) -> io::Result<Vec<T>> {
    within(|| Runtime::builder().cores(Cores::Count(2)).run(main))
}

/// Runs a nursery on the first core only, while the other has nothing to do.
#[track_caller]
pub(crate) fn first<T: Send + 'static>(
    main: impl AsyncFn() -> io::Result<T> + Send + Sync + 'static,
) -> io::Result<T> {
    let values = two(async move |core| match core.index() {
        0 => Ok(Some(main().await?)),
        _ => Ok(None),
    });
    Ok(values?.into_iter().flatten().next().expect("the first core's"))
}

#[test]
fn a_child_runs_there_and_its_value_comes_back() {
    let names = first(async || {
        nursery(async |n| {
            let there = n.spawn_on(1, async || Ok::<_, Error>(name()));
            let here = n.spawn_on(0, async || Ok::<_, Error>(name()));
            Ok((here.await?, there.await?, name()))
        })
        .await
    });
    let (here, there, own) = names.unwrap();
    assert_eq!(here, own);
    assert_ne!(there, own);
    assert!(there.starts_with("nestling-"), "{there}");
}

#[test]
fn many_children_in_both_directions() {
    let sums = two(async |core| {
        let other = 1 - core.index();
        nursery(async |n| {
            let handles: Vec<_> = (0..1000_u64)
                .map(|number| {
                    n.spawn_on(other, async move || {
                        nestling::task::yield_now().await;
                        Ok::<_, Error>(number)
                    })
                })
                .collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await?;
            }
            Ok(sum)
        })
        .await
    });
    assert_eq!(sums.unwrap(), [499_500, 499_500]);
}

#[test]
fn a_failure_there_cancels_the_siblings_here() {
    let result = first(async || {
        nursery(async |n| {
            n.spawn(async { pending::<io::Result<()>>().await });
            n.spawn_on(1, async || Err::<(), _>(Error::other("over there")));
            Ok(())
        })
        .await
    });
    assert_eq!(result.unwrap_err().to_string(), "over there");
}

#[test]
fn a_panic_there_is_thrown_here() {
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        first(async || {
            nursery(async |n| {
                n.spawn_on(1, async || {
                    std::panic::resume_unwind(Box::new(7_u32));
                    #[expect(unreachable_code, reason = "it gives the type")]
                    Ok::<_, Error>(())
                });
                Ok(())
            })
            .await
        })
    }));
    assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&7_u32));
}

#[test]
fn a_failure_here_cancels_the_child_there_and_its_kernel_work() {
    static IN_FLIGHT: AtomicUsize = AtomicUsize::new(usize::MAX);
    let result = first(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let ended = nursery(async |n| {
            n.spawn_on(1, async move || {
                let stream = TcpStream::connect(address).await?;
                let (result, _) = stream.read(vec![0; 16]).await;
                IN_FLIGHT.store(stats().in_flight as usize, Ordering::SeqCst);
                assert!(is_cancelled(result.as_ref().unwrap_err()));
                result.map(drop)
            });
            let (_connected, _) = listener.accept().await?;
            Err::<(), _>(Error::other("over here"))
        });
        let error = ended.await.unwrap_err();
        Ok(error.to_string())
    });
    assert_eq!(result.unwrap(), "over here");
    // The core's bell alone.
    assert!(IN_FLIGHT.load(Ordering::SeqCst) <= 1, "the receive was cancelled over there");
}

#[test]
fn a_cancelled_child_there_is_waited_for() {
    static ENDED: AtomicBool = AtomicBool::new(false);
    let result = first(async || {
        let ended = nursery(async |n| {
            let (up, begun) = async_channel::bounded(1);
            n.spawn_on(1, async move || {
                up.send(()).await.map_err(Error::other)?;
                cancelled().await;
                nestling::shield(sleep(Duration::from_millis(20))).await;
                ENDED.store(true, Ordering::SeqCst);
                Ok::<_, Error>(())
            });
            begun.recv().await.map_err(Error::other)?;
            n.set_deadline(Some(Instant::now()));
            Ok(())
        });
        let ended = ended.await;
        assert!(ENDED.load(Ordering::SeqCst), "the nursery returned before its child");
        assert!(is_cancelled(&ended.unwrap_err()));
        Ok(())
    });
    result.unwrap();
}

/// What is in flight over there says why it was stopped, as if it were here.
#[test]
fn r14_an_operation_of_a_child_there_times_out() {
    let kinds = first(async || {
        let (tell, told) = channel();
        let stopped = async |quiet: TcpListener, up: async_channel::Sender<()>| {
            let accept = quiet.accept();
            up.send(()).await.map_err(Error::other)?;
            let error = accept.await.unwrap_err();
            assert!(is_cancelled(&error));
            Ok::<_, Error>(error.kind())
        };
        for late in [true, false] {
            let tell = tell.clone();
            let _ended = nursery(async |n| {
                let (up, ready) = async_channel::bounded(1);
                n.spawn_on(1, async move || {
                    let kind = stopped(TcpListener::bind("127.0.0.1:0").await?, up).await?;
                    tell.send(kind).map_err(Error::other)
                });
                ready.recv().await.map_err(Error::other)?;
                match late {
                    true => n.set_deadline(Some(Instant::now())),
                    false => n.cancel(),
                }
                Ok(())
            })
            .await;
        }
        Ok((told.recv().map_err(Error::other)?, told.recv().map_err(Error::other)?))
    });
    assert_eq!(kinds.unwrap(), (ErrorKind::TimedOut, ErrorKind::Other));
}

#[test]
fn a_nursery_dropped_early_leaves_the_child_to_the_scope_around() {
    static ENDED: AtomicBool = AtomicBool::new(false);
    let result = first(async || {
        nursery(async |_| {
            let (up, ready) = async_channel::bounded(1);
            let inner = nursery(async |n| {
                n.spawn_on(1, async move || {
                    up.send(()).await.map_err(Error::other)?;
                    cancelled().await;
                    nestling::shield(sleep(Duration::from_millis(20))).await;
                    ENDED.store(true, Ordering::SeqCst);
                    Ok::<_, Error>(())
                });
                Ok::<_, Error>(())
            });
            // The nursery loses, and is dropped while its child runs.
            match select(pin!(inner), pin!(ready.recv())).await {
                Either::Left(_) => panic!("the nursery waits for its child"),
                Either::Right((begun, _)) => begun.map_err(Error::other)?,
            }
            Ok::<_, Error>(())
        })
        .await?;
        assert!(ENDED.load(Ordering::SeqCst), "the outer nursery joins it");
        Ok(())
    });
    result.unwrap();
}

#[test]
fn a_core_without_a_program_still_receives() {
    // The second core's program ends at once; the first sends it children for a while.
    let sent = first(async || {
        let mut sum = 0;
        for number in 0..200 {
            sum += nursery(async |n| {
                Ok::<_, Error>(n.spawn_on(1, async move || Ok::<_, Error>(number)).await?)
            })
            .await?;
        }
        Ok(sum)
    });
    assert_eq!(sent.unwrap(), 19_900);
}

#[test]
fn a_failing_core_cancels_what_it_has_sent_and_what_was_sent_to_it() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let result: io::Result<Vec<()>> = two(async |core| {
        nursery(async |n| {
            let other = 1 - core.index();
            let (up, ready) = async_channel::bounded(1);
            n.spawn_on(other, async move || {
                up.send(()).await.map_err(Error::other)?;
                cancelled().await;
                ENDED.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Error>(())
            });
            ready.recv().await.map_err(Error::other)?;
            match core.index() {
                0 => Err(Error::other("the first core")),
                _ => pending().await,
            }
        })
        .await
    });
    assert_eq!(result.unwrap_err().to_string(), "the first core");
    assert_eq!(ENDED.load(Ordering::SeqCst), 2);
}

#[test]
fn a_child_there_sends_children_back() {
    let value = first(async || {
        nursery(async |n| {
            let handle = n.spawn_on(1, async || {
                nursery(async |m| {
                    let back = m.spawn_on(0, async || Ok::<_, Error>(name()));
                    Ok::<_, Error>(back.await?)
                })
                .await
            });
            assert_eq!(handle.await?, name());
            Ok::<_, Error>(())
        })
        .await
    });
    value.unwrap();
}

#[test]
fn a_value_that_nobody_takes_is_dropped() {
    let count = Arc::new(());
    let its = Arc::clone(&count);
    let result = first(async move || {
        let its = Arc::clone(&its);
        nursery(async |n| {
            n.spawn_on(1, async move || Ok::<_, Error>(its));
            Ok::<_, Error>(())
        })
        .await
    });
    result.unwrap();
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn a_core_that_does_not_exist_is_refused() {
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        first(async || {
            nursery(async |n| {
                n.spawn_on(2, async || Ok::<_, Error>(()));
                Ok::<_, Error>(())
            })
            .await
        })
    }));
    let text = *thrown.unwrap_err().downcast::<String>().expect("a text");
    assert_eq!(text, "core 2 was asked for, but the program runs on 2, numbered from 0");
}

#[test]
fn a_runtime_of_one_core_is_its_own() {
    let value = nestling::block_on(nursery(async |n| {
        Ok::<_, Error>(n.spawn_on(0, async || Ok::<_, Error>(7)).await?)
    }));
    assert_eq!(value.unwrap(), 7);
}
