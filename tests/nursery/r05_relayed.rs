//! R5 where wakes take a way round: a combinator hands them on to another task or thread, or
//! several tasks share one future. The task rests, what is polled is kept, and all ends.

use crate::support::nurseries::{Count, E, Log, count_polls, ms, run, settle};
use futures_util::future::{FutureExt, LocalBoxFuture, join};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::sync::oneshot;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{cancelled, finally, nursery, shield, timeout};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const LATE: Duration = ms(5);

/// Far more polls than any of these needs, and far fewer than one that does not rest.
const MANY: u64 = 500;

/// Takes wakes of a future, to be delivered by something else.
#[derive(Default)]
struct Relay {
    woken: AtomicBool,
    due: AtomicBool,
    target: Mutex<Option<Waker>>,
    carrier: Mutex<Option<Waker>>,
    thread: Option<Mutex<mpsc::Sender<()>>>,
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.due.store(true, Ordering::SeqCst);
        if let Some(thread) = &self.thread {
            _ = thread.lock().unwrap().send(());
        }
        let carrier = self.carrier.lock().unwrap().take();
        carrier.into_iter().for_each(Waker::wake);
    }
}

impl Relay {
    /// Its wakes are delivered by the task that runs [`carry`](Self::carry).
    fn by_a_task() -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), ..Self::default() })
    }

    /// They are delivered by a thread.
    fn by_a_thread() -> Arc<Self> {
        let (sender, receiver) = mpsc::channel();
        let thread = Some(Mutex::new(sender));
        let relay = Arc::new(Self { woken: AtomicBool::new(true), thread, ..Self::default() });
        let weak = Arc::downgrade(&relay);
        thread::spawn(move || {
            while receiver.recv().is_ok() {
                weak.upgrade().into_iter().for_each(|relay| relay.deliver());
            }
        });
        relay
    }

    fn deliver(&self) {
        if self.due.swap(false, Ordering::SeqCst) {
            self.woken.store(true, Ordering::SeqCst);
            let target = self.target.lock().unwrap().take();
            target.into_iter().for_each(Waker::wake);
        }
    }

    async fn carry(&self) {
        poll_fn(|cx| {
            *self.carrier.lock().unwrap() = Some(cx.waker().clone());
            self.deliver();
            Poll::<()>::Pending
        })
        .await
    }

    /// Polls a future when one of its wakes was delivered, or whenever it is polled itself.
    async fn around<F: Future>(self: Arc<Self>, always: bool, future: F) -> F::Output {
        let waker: Waker = Arc::clone(&self).into();
        let mut future = pin!(future);
        poll_fn(move |cx| {
            *self.target.lock().unwrap() = Some(cx.waker().clone());
            let woken = self.woken.swap(false, Ordering::SeqCst);
            if !woken && !always {
                return Poll::Pending;
            }
            future.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }
}

fn shielded(log: &Rc<Log>) -> LocalBoxFuture<'static, ()> {
    let log = Rc::clone(log);
    shield(async move {
        sleep(ms(200)).await;
        log.say("end");
    })
    .boxed_local()
}

fn in_a_nursery(child: LocalBoxFuture<'static, ()>) -> LocalBoxFuture<'static, ()> {
    async {
        let result = nursery(async |n| {
            n.spawn(child);
            Ok::<_, E>(())
        });
        _ = result.await;
    }
    .boxed_local()
}

fn late(inside: LocalBoxFuture<'static, ()>) -> LocalBoxFuture<'static, ()> {
    async { _ = timeout(LATE, inside).await }.boxed_local()
}

/// What is polled through a relay.
#[derive(Debug, Clone, Copy)]
struct Shape {
    in_a_nursery: bool,
    late: bool,
    always: bool,
    cancelled: bool,
}

impl Shape {
    /// Each of those in which something is cancelled.
    fn all() -> impl Iterator<Item = Self> {
        let bit = |number: u32, place: u32| number >> place & 1 == 1;
        let all = (0..16).map(move |number| Self {
            in_a_nursery: bit(number, 0),
            late: bit(number, 1),
            always: bit(number, 2),
            cancelled: bit(number, 3),
        });
        all.filter(|shape| shape.late || shape.cancelled)
    }

    /// The task rests, and the shield ends. Only where nothing polls it until a wake has come
    /// round, a cancelled task is not kept.
    fn rests(self, relay: fn() -> Arc<Relay>) {
        let (polls, log) = polls(relay, self.cancelled, move |relay, log| {
            let mut inside = shielded(log);
            if self.in_a_nursery {
                inside = in_a_nursery(inside);
            }
            if self.late {
                inside = late(inside);
            }
            Arc::clone(relay).around(self.always, inside).boxed_local()
        });
        assert!(polls < MANY, "{self:?}: {polls}");
        assert!(log == ["end"] || self.cancelled && !self.always, "{self:?}");
    }
}

/// Polls a future with a relay in it, in a task that is cancelled later, or not. Tells how often
/// the task was polled, and whether the shield has ended.
fn polls(
    relay: fn() -> Arc<Relay>,
    cancelled: bool,
    inside: impl FnOnce(&Arc<Relay>, &Rc<Log>) -> LocalBoxFuture<'static, ()> + Send + 'static,
) -> (u64, Vec<&'static str>) {
    run(async move || {
        let (count, log, relay) = (Count::default(), Rc::new(Log::default()), relay());
        let outer = nursery(async |outer| {
            outer.spawn(relay.carry());
            let result = nursery(async |n| {
                n.spawn(count_polls(&count, inside(&relay, &log)));
                settle().await;
                if cancelled {
                    sleep(ms(20)).await;
                    n.cancel();
                }
                Ok::<_, E>(())
            });
            _ = result.await;
            outer.cancel();
            Ok::<_, E>(())
        });
        _ = outer.await;
        (count.get(), log.take())
    })
}

#[test]
fn r05_wakes_that_a_task_hands_on() {
    Shape::all().for_each(|shape| shape.rests(Relay::by_a_task));
}

#[test]
fn r05_wakes_that_a_thread_hands_on() {
    Shape::all().for_each(|shape| shape.rests(Relay::by_a_thread));
}

/// A timeout in a set, around a relay that always polls the shield in it, in a task that is
/// cancelled when the timeout has expired.
#[test]
fn r05_a_timeout_in_a_set_around_a_relay_rests() {
    for relay in [Relay::by_a_task, Relay::by_a_thread] {
        for nested in [false, true] {
            let (polls, log) = polls(relay, true, move |relay, log| {
                let inside = if nested { in_a_nursery(shielded(log)) } else { shielded(log) };
                let part = late(Arc::clone(relay).around(true, inside).boxed_local());
                let mut set = FuturesUnordered::from_iter([part]);
                async move { while set.next().await.is_some() {} }.boxed_local()
            });
            assert!(polls < MANY, "{polls}");
            assert_eq!(log, ["end"]);
        }
    }
}

/// A future that several tasks poll, which are cancelled, or not.
fn shared(tasks: usize, cancelled: bool, inside: fn(&Rc<Log>) -> LocalBoxFuture<'static, ()>) {
    let (polls, log) = run(async move || {
        let (count, log) = (Count::default(), Rc::new(Log::default()));
        let shared = inside(&log).shared();
        let result = nursery(async |n| {
            (0..tasks).for_each(|_| drop(n.spawn(count_polls(&count, shared.clone()))));
            settle().await;
            if cancelled {
                n.cancel();
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        (count.get(), log.take())
    });
    assert_eq!(log, ["end"]);
    assert!(polls < MANY, "{tasks} tasks: {polls}");
}

fn clean_up(log: &Rc<Log>) -> LocalBoxFuture<'static, ()> {
    let log = Rc::clone(log);
    finally(sleep(LONG), async move |_| shielded(&log).await).map(drop).boxed_local()
}

#[test]
fn r05_tasks_that_share_a_shield_rest() {
    for tasks in 1..5 {
        shared(tasks, true, shielded);
        shared(tasks, true, |log| in_a_nursery(shielded(log)));
        shared(tasks, true, clean_up);
    }
}

#[test]
fn r05_tasks_that_share_a_timeout_around_a_shield_rest() {
    for (tasks, cancelled) in (1..5).flat_map(|tasks| [(tasks, false), (tasks, true)]) {
        shared(tasks, cancelled, |log| late(shielded(log)));
    }
}

/// Code beside a part goes on for long before it sends that a message.
fn late_message(yields: usize, is_ours: bool) {
    run(async move || {
        let (sender, receiver) = oneshot::<()>();
        let part = timeout(ms(1), async {
            let mut aside = pin!(shield(sleep(LONG)));
            cancelled().await;
            futures_util::future::select(aside.as_mut(), pin!(shield(receiver))).await;
            pending::<()>().await;
        });
        let sends = async move {
            sleep(ms(20)).await;
            for _ in 0..yields {
                if is_ours { yield_now().await } else { pend_once().await }
            }
            _ = sender.send(());
        };
        assert!(join(part, sends).await.0.is_err());
    });
}

async fn pend_once() {
    let mut pended = false;
    poll_fn(|cx| {
        if pended {
            return Poll::Ready(());
        }
        pended = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn r05_a_message_after_many_polls() {
    for yields in [0, 1, 5, 15, 16, 17, 20, 40, 1000] {
        late_message(yields, true);
        late_message(yields, false);
    }
}
