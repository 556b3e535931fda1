//! Rule 18: a loop over awaits that are always ready keeps nobody from the core. One test for each
//! construct; beside it questions are answered, timers fire, signals and other threads are heard,
//! and at last it is cancelled.

use crate::fair::beside;
use crate::support::{pair, turn, watched};
use futures_util::StreamExt;
use nestling::net::{TcpListener, TcpStream, lookup_host};
use nestling::signal::signals;
use nestling::sync::{
    Barrier, Mutex, Notify, RwLock, Semaphore, channel, oneshot, remote, unbounded,
};
use nestling::task::{TaskLocal, checkpoint, consume_budget, is_cancelled, poll_proceed};
use nestling::time::{Instant, interval, sleep, sleep_until};
use nestling::{
    Options, finally, for_each_limit, nursery, nursery_all, nursery_with, race, shield, shield_for,
    timeout, timeout_at,
};
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_nanos(1);
const LONG: Duration = Duration::from_secs(3600);

/// For each name a test: what comes before the loop, and what is in it.
macro_rules! loops {
    ($($name:ident: { $($before:tt)* } $step:block)*) => { $(
        #[test]
        fn $name() {
            watched(|| beside(async || { $($before)* loop $step }));
        }
    )* };
}

// --- time ------------------------------------------------------------------------------------

loops! {
    r18_an_interval_that_is_late: { let mut every = interval(SHORT); } {
        every.tick().await;
    }

    r18_an_interval_that_is_late_as_a_stream: { let mut every = interval(SHORT); } {
        every.next().await;
    }

    r18_a_sleep_of_nothing: {} {
        sleep(Duration::ZERO).await;
    }

    r18_a_sleep_until_what_has_passed: { let past = Instant::now(); } {
        sleep_until(past).await;
    }

    r18_a_sleep_that_is_awaited_again: { let mut sleep = sleep(Duration::ZERO); } {
        (&mut sleep).await;
    }

    r18_a_timeout_of_nothing: {} {
        assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
    }

    r18_a_timeout_that_has_passed: { let past = Instant::now(); } {
        assert!(timeout_at(past, pending::<()>()).await.is_err());
    }
}

// --- between tasks of the core ---------------------------------------------------------------

loops! {
    r18_a_channel: { let (sender, receiver) = channel(1); } {
        sender.send(1).await.expect("it is open");
        assert_eq!(receiver.recv().await, Some(1));
    }

    r18_a_channel_as_a_stream: { let (sender, mut receiver) = unbounded(); } {
        sender.send(1).expect("it is open");
        assert_eq!(receiver.next().await, Some(1));
    }

    r18_room_in_a_channel: { let (sender, _receiver) = channel::<u8>(1); } {
        drop(sender.reserve().await.expect("it is open"));
    }

    r18_a_channel_that_is_closed: { let (_, receiver) = channel::<u8>(1); } {
        assert_eq!(receiver.recv().await, None);
    }

    r18_a_channel_without_a_receiver: { let (sender, _) = channel(1); } {
        sender.send(1).await.expect_err("it is closed");
    }

    r18_a_semaphore: { let semaphore = Semaphore::new(3); } {
        drop(semaphore.acquire().await);
        drop(semaphore.acquire_many(2).await);
    }

    r18_a_semaphore_with_permits_to_keep: { let semaphore = Rc::new(Semaphore::new(1)); } {
        drop(semaphore.acquire_owned().await);
    }

    r18_a_mutex: { let mutex = Mutex::new(0_u64); } {
        *mutex.lock().await += 1;
    }

    r18_a_lock_to_read_and_write: { let lock = RwLock::new(0_u64); } {
        let seen = *lock.read().await;
        *lock.write().await = seen + 1;
    }

    r18_a_notification: { let notify = Notify::new(); } {
        notify.notify_one();
        notify.notified().await;
    }

    r18_a_barrier_for_one: { let barrier = Barrier::new(1); } {
        assert!(barrier.wait().await.is_leader());
    }

    r18_one_message: {} {
        let (sender, receiver) = oneshot();
        sender.send(1).expect("it listens");
        assert_eq!(receiver.await, Ok(1));
    }

    r18_one_message_that_will_not_come: { let (_, mut receiver) = oneshot::<u8>(); } {
        (&mut receiver).await.expect_err("there is no sender");
    }

    r18_one_message_for_nobody: { let (mut sender, _) = oneshot::<u8>(); } {
        sender.closed().await;
    }
}

// --- between threads -------------------------------------------------------------------------

loops! {
    r18_a_remote_channel_that_two_threads_keep_full: {
        let (sender, receiver) = remote::channel(64);
        for _ in 0..2 {
            let sender = sender.clone();
            // Ends when the receiver does.
            thread::spawn(move || while sender.send_blocking(1).is_ok() {});
        }
    } {
        assert_eq!(receiver.recv().await, Some(1));
    }

    r18_a_remote_channel_as_a_stream: {
        let (sender, mut receiver) = remote::channel(64);
        thread::spawn(move || while sender.send_blocking(1).is_ok() {});
    } {
        assert_eq!(receiver.next().await, Some(1));
    }

    r18_a_remote_channel: { let (sender, receiver) = remote::channel(1); } {
        sender.send(1).await.expect("it is open");
        assert_eq!(receiver.recv().await, Some(1));
        drop(sender.reserve().await.expect("it is open"));
    }

    r18_a_remote_channel_that_is_closed: { let (_, receiver) = remote::channel::<u8>(1); } {
        assert_eq!(receiver.recv().await, None);
    }

    r18_a_remote_channel_without_a_receiver: { let (sender, _) = remote::channel(1); } {
        sender.send(1).await.expect_err("it is closed");
    }

    r18_one_remote_message: {} {
        let (sender, receiver) = remote::oneshot();
        sender.send(1).expect("it listens");
        assert_eq!(receiver.await, Ok(1));
    }

    r18_one_remote_message_that_will_not_come: {
        let (_, mut receiver) = remote::oneshot::<u8>();
    } {
        (&mut receiver).await.expect_err("there is no sender");
    }

    r18_one_remote_message_for_nobody: { let (mut sender, _) = remote::oneshot::<u8>(); } {
        sender.closed().await;
    }
}

// --- the system ------------------------------------------------------------------------------

loops! {
    r18_an_address_that_needs_no_look_up: {} {
        drop(lookup_host("127.0.0.1:80").await);
        drop(lookup_host("no port").await);
    }

    r18_an_address_that_is_none: {} {
        TcpStream::connect("no port").await.expect_err("it is no address");
        TcpListener::bind("no port").await.expect_err("it is no address");
    }

    r18_a_listener: {} {
        drop(TcpListener::bind("127.0.0.1:0").await);
    }

    r18_no_bytes: { let (stream, _theirs) = pair(); } {
        assert!(matches!(stream.read(Vec::new()).await, (Ok(0), _)));
        stream.read_exact(Vec::new()).await.0.expect("that is nothing");
        stream.write_all("").await.0.expect("that is nothing");
    }

    r18_a_connection_that_moves: { let (mut stream, _theirs) = pair(); } {
        stream = stream.detach().await.attach();
    }

    r18_a_signal_that_has_come: {
        let mut signals = signals([libc::SIGUSR2]).expect("a handler");
    } {
        // SAFETY: it sends a signal, which is handled.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
        assert_eq!(signals.next().await.expect("it came"), libc::SIGUSR2);
    }
}

// --- nurseries, and what surrounds others ----------------------------------------------------

type Done = io::Result<()>;

static LOCAL: TaskLocal<u8> = TaskLocal::new();

loops! {
    r18_a_nursery_of_nothing: {} {
        if is_cancelled() {
            return;
        }
        let _: Done = nursery(async |_| Ok(())).await;
    }

    r18_a_nursery_with_failures_of_nothing: {} {
        if is_cancelled() {
            return;
        }
        let _: Result<(), _> = nursery_all(async |_| Ok::<(), io::Error>(())).await;
    }

    r18_a_child_of_nothing: {} {
        if is_cancelled() {
            return;
        }
        let _: Done = nursery(async |n| Ok(n.spawn(async {}).await?)).await;
    }

    r18_a_slot: {} {
        if is_cancelled() {
            return;
        }
        let options = Options { limit: Some(1), ..Options::default() };
        let _: Done = nursery_with(options, async |n| {
            loop {
                drop(n.slot().await);
            }
        })
        .await;
    }

    r18_a_race_that_is_won: {} {
        if is_cancelled() {
            return;
        }
        let _: Result<u8, io::Error> = race([async { Ok(1) }]).await;
    }

    r18_a_race_of_nobody: {} {
        if is_cancelled() {
            return;
        }
        let _: Done = race([] as [std::future::Ready<Done>; 0]).await;
    }

    r18_for_each_of_none: {} {
        if is_cancelled() {
            return;
        }
        let _: Done = for_each_limit(1, [(); 0], async |()| Ok(())).await;
    }

    r18_for_each_that_does_nothing: {} {
        if is_cancelled() {
            return;
        }
        let _: Done = for_each_limit(1, 0..3, async |_| Ok(())).await;
    }

    r18_finally_around_nothing: {} {
        finally(async {}, async |_| {}).await;
    }

    r18_a_shield_around_nothing: {} {
        shield(async {}).await;
    }

    r18_a_bounded_shield_around_nothing: {} {
        shield_for(LONG, async {}).await.expect("in time");
    }

    r18_a_timeout_around_nothing: {} {
        timeout(LONG, async {}).await.expect("in time");
    }

    r18_a_value_for_nothing: {} {
        LOCAL.scope(1, async {}).await;
    }

    r18_a_checkpoint: {} {
        checkpoint().await;
    }
}

// --- foreign futures -------------------------------------------------------------------------

loops! {
    r18_what_takes_part: {} {
        consume_budget().await;
    }

    r18_what_takes_part_by_hand: {} {
        poll_fn(|cx| poll_proceed(cx)).await;
    }

    r18_channels_of_another_library: { let (sender, receiver) = async_channel::bounded(1); } {
        sender.send(1).await.expect("it is open");
        assert_eq!(receiver.recv().await, Ok(1));
        consume_budget().await;
    }
}

/// Work that takes longer than its period: it is not done as often as there are awaits in a turn.
#[test]
fn r18_an_interval_whose_work_takes_longer() {
    watched(|| {
        let (rounds, ticks) = (20, Cell::new(0));
        let result: Done = nestling::block_on(nursery(async |n| {
            n.spawn(async {
                let mut every = interval(SHORT);
                loop {
                    every.tick().await;
                    ticks.set(ticks.get() + 1);
                    let begun = Instant::now();
                    while begun.elapsed() < Duration::from_millis(2) {}
                }
            });
            for _ in 0..rounds {
                turn().await;
            }
            n.cancel();
            Ok(())
        }));
        result.expect("nothing fails");
        // An operation takes a few turns, and what is late goes on for a millisecond in each.
        assert!(ticks.get() <= 10 * rounds, "{} ticks in {rounds} rounds", ticks.get());
    });
}
