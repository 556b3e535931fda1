//! Loops over awaits that are always ready, each of which would keep its core for ever if awaits
//! had no budget.

use nestling::sync::{Mutex, Notify, RwLock, Semaphore, channel, oneshot, remote};
use nestling::time::{interval, sleep, sleep_until};
use std::future::Future;
use std::pin::Pin;
use std::thread;
use std::time::{Duration, Instant};

/// What does not end.
pub(crate) type Busy = Pin<Box<dyn Future<Output = ()>>>;

/// For threads beside the server's: where they may run.
pub(crate) type Elsewhere = core_affinity::CoreId;

/// A name, and what begins the loop.
type Loop = (&'static str, fn(Elsewhere) -> Busy);

pub(crate) const LOOPS: [Loop; 10] = [
    ("interval that is late", |_| Box::pin(late_interval())),
    ("sleep(ZERO)", |_| Box::pin(forever(async || sleep(Duration::ZERO).await))),
    ("sleep_until(past)", |_| {
        let past = nestling::time::Instant::now();
        Box::pin(forever(async move || sleep_until(past).await))
    }),
    ("remote channel, full", |elsewhere| Box::pin(full_channel(elsewhere))),
    ("channel", |_| Box::pin(messages())),
    ("semaphore", |_| {
        let semaphore = Semaphore::new(1);
        Box::pin(forever(async move || drop(semaphore.acquire().await)))
    }),
    ("mutex", |_| {
        let mutex = Mutex::new(0_u64);
        Box::pin(forever(async move || *mutex.lock().await += 1))
    }),
    ("read-write lock", |_| {
        let lock = RwLock::new(0_u64);
        Box::pin(forever(async move || {
            let seen = *lock.read().await;
            *lock.write().await = seen + 1;
        }))
    }),
    ("notify", |_| {
        let notify = Notify::new();
        Box::pin(forever(async move || {
            notify.notify_one();
            notify.notified().await;
        }))
    }),
    ("oneshot", |_| {
        Box::pin(forever(async || {
            let (reply, answer) = oneshot();
            reply.send(1).expect("it listens");
            answer.await.expect("it was sent");
        }))
    }),
];

async fn forever(mut step: impl AsyncFnMut()) {
    loop {
        step().await;
    }
}

/// Its work takes twice as long as its period.
async fn late_interval() {
    let mut every = interval(Duration::from_micros(100));
    loop {
        every.tick().await;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(200) {}
    }
}

/// Two threads send as fast as they can.
async fn full_channel(elsewhere: Elsewhere) {
    let (sender, receiver) = remote::channel(1024);
    for _ in 0..2 {
        let sender = sender.clone();
        // Ends with the receiver.
        thread::spawn(move || {
            core_affinity::set_for_current(elsewhere);
            while sender.send_blocking(1).is_ok() {}
        });
    }
    while receiver.recv().await.is_some() {}
}

async fn messages() {
    let (sender, receiver) = channel(16);
    loop {
        while sender.try_send(1).is_ok() {}
        while !receiver.is_empty() {
            receiver.recv().await;
        }
        sender.send(1).await.expect("it is open");
    }
}
