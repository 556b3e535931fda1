//! Rule 19 between threads: one that cannot look into a core's tree of scopes hands over, and it
//! goes past those who are cancelled there.

use crate::support::{poll_once, turn, watched};
use futures_util::StreamExt;
use futures_util::future::join;
use nestling::sync::Notify;
use nestling::sync::remote::channel::{Receiver, Sender, channel};
use nestling::task::yield_now;
use nestling::{Cancelled, Canceller, Cores, Runtime, nursery, shield, timeout};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Runs something on another thread, and holds the core up until it is done.
fn elsewhere<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|threads| threads.spawn(act).join().expect("it does not panic"))
}

/// A channel, for receivers that wait or for senders that do; who was served, in that order.
struct Line {
    receives: bool,
    sender: Sender<usize>,
    receiver: Receiver<usize>,
    served: RefCell<Vec<usize>>,
}

impl Line {
    async fn wait(&self, number: usize) {
        if self.receives {
            assert_eq!(self.receiver.recv().await, Some(7));
        } else {
            self.sender.send(7).await.expect("open");
        }
        self.served.borrow_mut().push(number);
        // Its next wait: for one that is cancelled the end.
        yield_now().await;
    }

    /// What lets one go on, done by another thread.
    fn hand(&self) {
        let Self { sender, receiver, .. } = self;
        if self.receives {
            elsewhere(|| sender.send_blocking(7)).expect("open");
        } else {
            assert_eq!(elsewhere(|| receiver.recv_blocking()), Some(7));
        }
    }

    /// As one that need not wait.
    fn try_at_once(&self) -> bool {
        let Self { sender, receiver, .. } = self;
        match self.receives {
            true => elsewhere(|| receiver.try_recv().is_ok()),
            false => elsewhere(|| sender.try_send(7).is_ok()),
        }
    }

    fn served(&self) -> Vec<usize> {
        self.served.borrow().clone()
    }
}

/// Runs a test for those who receive and for those who send, each in a runtime of its own.
fn with_both(test: impl AsyncFn(&Line)) {
    watched(|| {
        for receives in [true, false] {
            let (sender, receiver) = channel(if receives { 1 << 20 } else { 1 });
            if !receives {
                sender.try_send(7).expect("room");
            }
            let line = Line { receives, sender, receiver, served: RefCell::default() };
            nestling::block_on(test(&line));
        }
    });
}

/// Ends a shield, also when the test fails.
struct Opens<'a>(&'a Notify);

impl Drop for Opens<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A timeout that is over and kept until the shield in it ends.
async fn kept(wait: impl Future, up: &Notify, over: &Notify) {
    let watch = async {
        nestling::cancelled().await;
        up.notify_one();
        shield(over.notified()).await;
    };
    assert!(timeout(Duration::from_millis(1), join(wait, watch)).await.is_err());
}

#[test]
fn r19_another_thread_passes_one_that_its_handle_has_cancelled() {
    with_both(async |line| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled = n.spawn(line.wait(0));
            n.spawn(line.wait(1));
            turn().await;
            cancelled.cancel();
            line.hand();
            Ok(())
        })
        .await;
        assert_eq!((result, line.served()), (Ok(()), vec![1]));
    });
}

#[test]
fn r19_another_thread_passes_one_whose_nursery_is_cancelled() {
    with_both(async |line| {
        let inner = RefCell::new(None::<Canceller>);
        let result: Result<(), Cancelled> = nursery(async |n| {
            n.spawn(async {
                let _: Result<(), Cancelled> = nursery(async |n| {
                    inner.replace(Some(n.canceller()));
                    n.spawn(line.wait(0));
                    line.wait(1).await;
                    Ok(())
                })
                .await;
            });
            turn().await;
            n.spawn(line.wait(2));
            turn().await;
            inner.take().expect("it is open").cancel();
            line.hand();
            Ok(())
        })
        .await;
        assert_eq!((result, line.served()), (Ok(()), vec![2]));
    });
}

#[test]
fn r19_another_thread_passes_one_whose_time_is_up() {
    with_both(async |line| {
        let (up, over) = (Notify::new(), Notify::new());
        let result: Result<(), Cancelled> = nursery(async |n| {
            let _opens = Opens(&over);
            n.spawn(kept(line.wait(0), &up, &over));
            turn().await;
            n.spawn(line.wait(1));
            up.notified().await;
            line.hand();
            turn().await;
            Ok(())
        })
        .await;
        assert_eq!((result, line.served()), (Ok(()), vec![1]));
    });
}

#[test]
fn r19_another_thread_serves_one_behind_a_shield() {
    with_both(async |line| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let shielded = n.spawn(shield(line.wait(0)));
            let other = n.spawn(line.wait(1));
            turn().await;
            shielded.cancel();
            line.hand();
            turn().await;
            other.cancel();
            Ok(())
        })
        .await;
        assert_eq!((result, line.served()), (Ok(()), vec![0]));
    });
}

#[test]
fn r19_another_thread_has_served_one_before_the_cancel() {
    with_both(async |line| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled = n.spawn(line.wait(0));
            let other = n.spawn(line.wait(1));
            turn().await;
            line.hand();
            cancelled.cancel();
            turn().await;
            other.cancel();
            Ok(())
        })
        .await;
        assert_eq!((result, line.served()), (Ok(()), vec![0]));
    });
}

#[test]
fn r19_another_thread_passes_all_and_the_next_need_not_wait() {
    with_both(async |line| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled: Vec<_> = (0..3).map(|number| n.spawn(line.wait(number))).collect();
            turn().await;
            cancelled.iter().for_each(|handle| handle.cancel());
            line.hand();
            assert!(line.try_at_once());
            assert!(!line.try_at_once());
            Ok(())
        })
        .await;
        assert_eq!((result, line.served()), (Ok(()), vec![]));
    });
}

#[test]
fn r19_another_thread_passes_a_thousand_and_keeps_the_order() {
    with_both(async |line| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let all: Vec<_> = (0..2000).map(|number| n.spawn(line.wait(number))).collect();
            turn().await;
            all[..1000].iter().for_each(|handle| handle.cancel());
            all.iter().step_by(2).for_each(|handle| handle.cancel());
            if line.receives {
                (0..500).for_each(|_| line.hand());
            } else {
                for _ in 0..500 {
                    line.hand();
                    turn().await; // it sends
                }
            }
            for handle in all.iter().skip(1001).step_by(2) {
                while !handle.is_finished() {
                    turn().await;
                }
            }
            Ok(())
        })
        .await;
        let expected: Vec<_> = (1001..2000).step_by(2).collect();
        assert_eq!((result, line.served()), (Ok(()), expected));
    });
}

#[test]
fn r19_one_that_another_thread_passed_over_comes_back_with_its_future() {
    with_both(async |line| {
        let (up, over) = (Notify::new(), Notify::new());
        let result: Result<(), Cancelled> = nursery(async |n| {
            let opens = Opens(&over);
            n.spawn(async {
                let mut wait = pin!(line.wait(0));
                kept(wait.as_mut(), &up, &over).await;
                wait.await;
            });
            up.notified().await;
            line.hand();
            turn().await;
            assert!(line.served().is_empty());
            drop(opens);
            Ok(())
        })
        .await;
        assert_eq!((result, line.served()), (Ok(()), vec![0]));
    });
}

/// The scope in which it was polled has closed, and it was not polled since: it is still in line.
#[test]
fn r19_another_thread_serves_one_whose_cancelled_scope_has_closed() {
    with_both(async |line| {
        let mut wait = pin!(line.wait(0));
        let passed = timeout(Duration::from_millis(1), wait.as_mut()).await;
        assert!(passed.is_err());
        line.hand();
        assert!(!line.try_at_once(), "it was handed over");
        assert!(poll_once(wait.as_mut()).await.is_pending(), "at its yield");
        assert_eq!(line.served(), [0]);
        wait.await;
    });
}

/// A receiver that was polled in a scope of one core and is dropped, or used, on another thread.
#[test]
fn r19_a_receiver_that_is_moved_between_threads_keeps_no_scope() {
    watched(|| {
        for used in [false, true] {
            let (sender, receiver) = channel::<u8>(1);
            let receiver = nestling::block_on(async {
                let mut receiver = receiver;
                let _ = timeout(Duration::from_millis(1), receiver.next()).await;
                receiver
            });
            elsewhere(move || {
                let mut receiver = receiver;
                if used {
                    sender.try_send(1).expect("room");
                    nestling::block_on(async {
                        assert_eq!(receiver.next().await, Some(1));
                        let _ = timeout(Duration::from_millis(1), receiver.next()).await;
                    });
                }
                drop(receiver);
            });
        }
    });
}

/// Two cores: a worker on one is cancelled there, and the other one's job goes to the next worker.
#[test]
fn r19_a_job_from_another_core_goes_past_a_cancelled_worker() {
    watched(|| {
        let cores = Runtime::builder().cores(Cores::Count(2));
        let ended = cores.run(async |core| {
            if core.index() > 0 {
                return Ok::<_, io::Error>(());
            }
            for _ in 0..200 {
                let (jobs, inbox) = channel::<u32>(8);
                let (done, results) = channel::<u32>(8);
                let (up, ready) = std::sync::mpsc::channel();
                nursery(async |n| {
                    n.spawn_on(1, async move || {
                        let count = Cell::new(0);
                        let worker = async || {
                            while let Some(job) = inbox.recv().await {
                                yield_now().await; // the work
                                count.set(count.get() + 1);
                                done.send(job).await?;
                            }
                            Ok::<_, io::Error>(())
                        };
                        nursery(async |n| {
                            let first = n.spawn(worker());
                            n.spawn(worker());
                            turn().await;
                            first.cancel();
                            // While this turn goes on, the job is sent.
                            up.send(()).expect("it waits");
                            while inbox.is_empty() {
                                std::hint::spin_loop();
                            }
                            Ok::<_, io::Error>(())
                        })
                        .await
                    });
                    turn().await; // the child is on its way
                    ready.recv().expect("it is there");
                    jobs.try_send(7).expect("room");
                    assert_eq!(results.recv().await, Some(7));
                    drop(jobs);
                    Ok::<_, io::Error>(())
                })
                .await?;
            }
            Ok(())
        });
        ended.expect("nothing fails");
    });
}

/// Sends and cancels race: what was not received is there, and nothing is lost or doubled.
#[test]
fn r19_hand_overs_of_another_thread_race_with_cancels() {
    const JOBS: usize = 20_000;
    watched(|| {
        let (jobs, inbox) = channel::<usize>(4);
        let sends = std::thread::spawn(move || {
            (0..JOBS).for_each(|job| jobs.send_blocking(job).expect("open"));
        });
        let inbox = Arc::new(inbox);
        let next = Cell::new(0);
        nestling::block_on(async {
            while next.get() < JOBS {
                let result: Result<(), Cancelled> = nursery(async |n| {
                    let workers: Vec<_> = (0..4)
                        .map(|_| {
                            n.spawn(async {
                                while let Some(job) = inbox.recv().await {
                                    assert_eq!(job, next.get(), "in order, once");
                                    next.set(next.get() + 1);
                                }
                            })
                        })
                        .collect();
                    turn().await;
                    workers[0].cancel();
                    turn().await;
                    workers[1].cancel();
                    turn().await;
                    n.cancel();
                    Ok(())
                })
                .await;
                assert_eq!(result, Ok(()));
            }
        });
        sends.join().expect("it does not panic");
        assert_eq!((next.get(), inbox.try_recv().is_err()), (JOBS, true));
    });
}
