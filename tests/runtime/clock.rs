//! Durations at the edges, and signals while the core sleeps.

use crate::assert_balanced;
use crate::support::{Count, pair, poll_counted, poll_once, watched};
use nestling::task::yield_now;
use nestling::time::{Instant, Sleep, interval, sleep, sleep_until};
use nestling::{Runtime, nursery, timeout};
use std::io::{self, Read, Write};
use std::os::unix::thread::JoinHandleExt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// Short ones are over, long ones are not; none is negative, wraps or panics.
#[test]
fn e12_durations_at_the_edges() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            sleep(Duration::ZERO).await;
            sleep(Duration::from_nanos(1)).await;
            let start = Instant::now();
            sleep_until(start).await;
            sleep_until(start - Duration::from_secs(1)).await;
            sleep_until(start - Duration::MAX).await;
            let long = [
                Duration::from_millis(u32::MAX.into()),
                Duration::from_millis(1 << 36),
                Duration::from_nanos(i64::MAX as u64),
                Duration::from_nanos(u64::MAX),
                Duration::from_secs(i64::MAX as u64),
                Duration::MAX,
            ];
            for duration in long {
                let mut long = Box::pin(sleep(duration));
                let count = Arc::new(Count::default());
                assert!(poll_counted(long.as_mut(), &count).is_pending(), "{duration:?}");
                // The core sleeps with it as its next deadline but one, and with it alone.
                sleep(Duration::from_millis(1)).await;
                assert!(poll_counted(long.as_mut(), &count).is_pending(), "{duration:?}");
                assert_eq!(count.get(), 0);
                let (ring, bell) = async_channel::bounded(1);
                let ringer = thread::spawn(move || ring.send_blocking(()).unwrap());
                bell.recv().await.unwrap();
                assert!(poll_counted(long.as_mut(), &count).is_pending(), "{duration:?}");
                ringer.join().unwrap();
            }
            assert!(timeout(Duration::ZERO, std::future::pending::<()>()).await.is_err());
            timeout(Duration::MAX, async {}).await.unwrap();
        });
        assert_balanced(&runtime);
    });
}

/// Up to the longest, a core may look for work for any time before it sleeps.
#[test]
fn e12_spins_at_the_edges() {
    watched(|| {
        let shortest = Duration::from_nanos(1);
        for spin in [shortest, Duration::from_nanos(u64::MAX), Duration::MAX] {
            let mut runtime = Runtime::builder().spin(spin).build().unwrap();
            runtime.block_on(sleep(Duration::from_millis(1)));
        }
    });
}

/// Notes when it was woken, and how often.
#[derive(Debug, Default)]
struct Stamps(Mutex<Vec<Instant>>);

impl Wake for Stamps {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().push(Instant::now());
    }
}

/// Two thousand sleeps, some of them dropped and armed anew: each fires once, and none early.
#[test]
fn e14_no_timer_is_early_lost_or_fired_twice() {
    watched(|| {
        nestling::block_on(async {
            let start = Instant::now();
            let deadline = |n: u64| start + Duration::from_micros(n * 7919 % 20_000);
            let mut sleeps: Vec<_> =
                (0..2_000).map(|n| Box::pin(sleep_until(deadline(n)))).collect();
            let stamps: Vec<_> = sleeps.iter().map(|_| Arc::new(Stamps::default())).collect();
            let poll = |sleep: &mut Pin<Box<Sleep>>, stamps: &Arc<Stamps>| {
                let waker = Waker::from(Arc::clone(stamps));
                if sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    waker.wake();
                }
            };
            for (sleep, stamps) in sleeps.iter_mut().zip(&stamps) {
                poll(sleep, stamps);
            }
            for (sleep, stamps) in sleeps.iter_mut().zip(&stamps).step_by(3) {
                if stamps.0.lock().unwrap().is_empty() {
                    *sleep = Box::pin(sleep_until(sleep.deadline()));
                    poll(sleep, stamps);
                }
            }
            sleep_until(start + Duration::from_millis(20)).await;
            yield_now().await;
            for (sleep, stamps) in sleeps.iter().zip(&stamps) {
                let fired = stamps.0.lock().unwrap();
                assert_eq!(fired.len(), 1, "{:?}", sleep.deadline() - start);
                assert!(fired[0] >= sleep.deadline(), "{:?}", sleep.deadline() - fired[0]);
            }
        });
    });
}

static SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Has `SIGUSR1` counted, and interrupt whatever system call it meets.
fn handle_signals() {
    // SAFETY: all zeroes is a valid `sigaction`: no flags (so no restart), an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler only adds to an atomic; the action lives for the call.
    let result = unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Runs something on a thread of its own, to which a signal is sent a thousand times a second.
fn under_signals<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    handle_signals();
    let before = SIGNALS.load(Ordering::Relaxed);
    let done = Arc::new(AtomicBool::new(false));
    let running = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let result = run();
            done.store(true, Ordering::SeqCst);
            result
        }
    });
    while !done.load(Ordering::SeqCst) {
        // SAFETY: the thread was not joined, so its handle names it, even if it has ended.
        unsafe { libc::pthread_kill(running.as_pthread_t(), libc::SIGUSR1) };
        thread::sleep(Duration::from_millis(1));
    }
    let result = running.join().unwrap();
    assert!(SIGNALS.load(Ordering::Relaxed) > before, "signals came");
    result
}

/// A sleep of 200 ms is interrupted every millisecond: it is not early, and it ends.
#[test]
fn c5_signals_neither_shorten_nor_prolong_a_sleep() {
    watched(|| {
        under_signals(|| {
            let mut runtime = Runtime::builder().build().unwrap();
            let (slept, ticks) = runtime.block_on(async {
                let start = Instant::now();
                let mut ticks = 0;
                let mut every = interval(Duration::from_millis(10));
                let counting = async {
                    loop {
                        every.tick().await;
                        ticks += 1;
                    }
                };
                let long = sleep(Duration::from_millis(200));
                futures_util::future::select(Box::pin(counting), long).await;
                (start.elapsed(), ticks)
            });
            assert!(slept >= Duration::from_millis(200), "{slept:?}");
            assert!(ticks > 0);
            assert_balanced(&runtime);
        });
    });
}

/// Data through a socket while signals come: not a byte is lost, doubled or out of order.
#[test]
fn c5_signals_lose_nothing_of_an_echo() {
    const LENGTH: usize = 2_000_000;
    watched(|| {
        under_signals(|| {
            let (stream, peer) = pair();
            let client = thread::spawn(move || talk(peer, LENGTH));
            let mut runtime = Runtime::builder().build().unwrap();
            let result = runtime.block_on(nursery(async |_| {
                let mut total = 0;
                let mut buffer = vec![0; 3_000];
                while total < LENGTH {
                    let (read, received) = stream.read(buffer).await;
                    let read = read?;
                    total += read;
                    let mut answer = received;
                    answer.truncate(read);
                    let (written, answer) = stream.write_all(answer).await;
                    written?;
                    buffer = answer;
                    buffer.resize(3_000, 0);
                }
                Ok::<_, io::Error>(total)
            }));
            assert_eq!(result.unwrap(), LENGTH);
            client.join().unwrap();
            assert_balanced(&runtime);
        });
    });
}

/// Sends a sequence and checks that the same comes back.
fn talk(mut socket: impl Read + Write, length: usize) {
    let byte = |position: usize| (position.wrapping_mul(31) >> 3) as u8;
    let mut position = 0;
    while position < length {
        let end = (position + 1_700).min(length);
        let sent: Vec<u8> = (position..end).map(byte).collect();
        socket.write_all(&sent).unwrap();
        let mut answer = vec![0; sent.len()];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(answer, sent, "at {position}");
        position = end;
    }
}

/// A sleep polled after its end of time, and one that no task polls: no panic, no early end.
#[test]
fn e14_sleep_that_nobody_polls_ends_when_polled() {
    watched(|| {
        nestling::block_on(async {
            let mut nap = Box::pin(sleep(Duration::from_millis(1)));
            sleep(Duration::from_millis(2)).await;
            assert_eq!(poll_once(nap.as_mut()).await, Poll::Ready(()));
            let mut again = Box::pin(sleep(Duration::from_millis(1)));
            assert!(poll_once(again.as_mut()).await.is_pending());
            sleep(Duration::from_millis(2)).await;
            assert_eq!(poll_once(again.as_mut()).await, Poll::Ready(()));
        });
    });
}
