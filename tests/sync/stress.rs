//! Random children that wait with timeouts and are cut anywhere: permits are conserved, and
//! messages neither lost, nor doubled, nor out of order for their sender.

use crate::support::random::{Random, seeds};
use crate::support::watched;
use crate::tested::channel::{Receiver, Sender, channel};
use futures_util::FutureExt;
use futures_util::future::select;
use nestling::sync::{Mutex, RwLock, Semaphore};
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{Cancelled, Nursery, nursery, timeout};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::time::Duration;

const SEEDS: u64 = 150;
const CHILDREN: usize = 12;

fn micros(random: &mut Random) -> Duration {
    Duration::from_micros(random.below(150) as u64)
}

/// Awaits a future to its end, or gives it up after a while in one of several ways.
async fn patient<F: Future>(random: &mut Random, future: F) -> Option<F::Output> {
    match random.below(4) {
        0 => Some(future.await),
        1 => timeout(micros(random), future).await.ok(),
        2 => {
            let yields = random.below(4);
            let impatience = async {
                for _ in 0..yields {
                    yield_now().await;
                }
            };
            select(pin!(future), pin!(impatience)).map(|first| first.factor_left()).await
        }
        _ => {
            let mut future = pin!(future);
            let _ = timeout(Duration::ZERO, yield_now()).await;
            timeout(micros(random), &mut future).await.ok()
        }
    }
}

/// The output of the first of two, if that was the first.
trait FactorLeft<T> {
    fn factor_left(self) -> Option<T>;
}

impl<T, A, B, C> FactorLeft<T> for futures_util::future::Either<(T, A), (B, C)> {
    fn factor_left(self) -> Option<T> {
        match self {
            Self::Left((value, _)) => Some(value),
            Self::Right(_) => None,
        }
    }
}

/// Cancels random children, now and then, until it is told to stop.
async fn cut_some<'s>(n: &'s Nursery<'s, '_, Cancelled>, random: &mut Random) {
    for _ in 0..random.below(6) {
        let delay = micros(random);
        let inner = n.spawn(async move { sleep(delay).await });
        inner.await.expect("nobody cancels it");
    }
}

#[test]
fn permits_and_locks_are_conserved() {
    watched(|| {
        for seed in seeds(0..SEEDS) {
            let mut random = Random::new(seed);
            let (semaphore, mutex) = (Semaphore::new(3), Mutex::new(()));
            let lock = RwLock::new(());
            let (holds, reads, writes) = (Cell::new(0_usize), Cell::new(0), Cell::new(0));
            let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
                let mut handles = Vec::new();
                for child in 0..CHILDREN {
                    let mut random = Random::new(seed * 1000 + child as u64);
                    let (semaphore, mutex, lock) = (&semaphore, &mutex, &lock);
                    let (holds, reads, writes) = (&holds, &reads, &writes);
                    handles.push(n.spawn(async move {
                        for _ in 0..15 {
                            let wants = 1 + random.below(3);
                            if let Some(_permit) =
                                patient(&mut random, semaphore.acquire_many(wants)).await
                            {
                                let _count = count(holds, wants);
                                assert!(holds.get() <= 3);
                                yield_now().await;
                            }
                            if let Some(_guard) = patient(&mut random, mutex.lock()).await {
                                yield_now().await;
                            }
                            if random.below(2) == 0 {
                                if let Some(_guard) = patient(&mut random, lock.read()).await {
                                    let _count = count(reads, 1);
                                    assert_eq!(writes.get(), 0);
                                    yield_now().await;
                                }
                            } else if let Some(_guard) = patient(&mut random, lock.write()).await {
                                let _count = count(writes, 1);
                                assert_eq!((reads.get(), writes.get()), (0, 1));
                                yield_now().await;
                            }
                        }
                    }));
                }
                while !handles.is_empty() && random.below(4) > 0 {
                    cut_some(n, &mut random).await;
                    handles.remove(random.below(handles.len())).cancel();
                }
                if random.below(2) == 0 {
                    n.cancel();
                }
                Ok(())
            }));
            assert_eq!(result, Ok(()), "seed {seed}");
            assert_eq!(semaphore.available(), 3, "seed {seed}");
            assert!(mutex.try_lock().is_some() && lock.try_write().is_some(), "seed {seed}");
        }
    });
}

/// Adds to a number for as long as the guard lives.
fn count(number: &Cell<usize>, by: usize) -> impl Drop + use<'_> {
    struct Back<'a>(&'a Cell<usize>, usize);
    impl Drop for Back<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - self.1);
        }
    }
    number.set(number.get() + by);
    Back(number, by)
}

/// Sends numbered messages; only one that was sent counts. Says how many there were.
async fn produce(random: &mut Random, who: usize, sender: Sender<(usize, u32)>, sent: &Cell<u32>) {
    while sent.get() < 30 {
        if let Some(room) = patient(random, sender.reserve()).await {
            let Ok(room) = room else { return };
            if random.below(3) == 0 {
                yield_now().await;
            }
            if room.send((who, sent.get())).is_ok() {
                sent.set(sent.get() + 1);
            }
        }
    }
}

/// Receives until the end.
async fn consume(
    random: &mut Random,
    receiver: &Receiver<(usize, u32)>,
    got: &RefCell<Vec<(usize, u32)>>,
) {
    loop {
        match patient(random, receiver.recv()).await {
            Some(Some(message)) => got.borrow_mut().push(message),
            Some(None) => return,
            None => {}
        }
        if random.below(3) == 0 {
            yield_now().await;
        }
    }
}

#[test]
fn e1_messages_are_neither_lost_nor_doubled_nor_out_of_order() {
    watched(|| {
        for seed in seeds(0..SEEDS) {
            let mut random = Random::new(seed);
            let (sender, receiver) = channel(1 + random.below(3));
            let sent: Vec<_> = (0..CHILDREN).map(|_| Cell::new(0)).collect();
            let got = RefCell::new(Vec::new());
            let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
                let mut handles = Vec::new();
                for who in 0..CHILDREN {
                    let mut random = Random::new(seed * 1000 + who as u64);
                    let (sender, sent, receiver, got) =
                        (sender.clone(), &sent[who], &receiver, &got);
                    handles.push(n.spawn(async move {
                        if who % 3 == 0 {
                            drop(sender);
                            consume(&mut random, receiver, got).await;
                        } else {
                            produce(&mut random, who, sender, sent).await;
                        }
                    }));
                }
                drop(sender);
                while !handles.is_empty() && random.below(4) > 0 {
                    cut_some(n, &mut random).await;
                    handles.remove(random.below(handles.len())).cancel();
                }
                if random.below(3) == 0 {
                    receiver.close();
                }
                // Should all consumers have been cut, the producers wait for this one.
                let mut random = random.clone();
                consume(&mut random, &receiver, &got).await;
                Ok(())
            }));
            assert_eq!(result, Ok(()), "seed {seed}");
            let mut expected = vec![0; CHILDREN];
            for &(who, number) in &*got.borrow() {
                assert_eq!(number, expected[who], "seed {seed}, sender {who}");
                expected[who] += 1;
            }
            let sent: Vec<_> = sent.iter().map(Cell::get).collect();
            assert_eq!(sent, expected, "seed {seed}");
        }
    });
}
