//! Threads without a runtime: blocking calls in both directions, and what a core does meanwhile.

use crate::support::watched;
use futures_util::StreamExt;
use nestling::sync::remote::channel::{Receiver, SendError, Sender};
use nestling::sync::remote::oneshot::{self, RecvError};
use nestling::sync::remote::{self, channel};
use nestling::task::poll_proceed;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// So many threads send.
const THREADS: usize = 8;
/// So much each.
const MESSAGES: usize = 10_000;

fn is_send_and_sync<T: Send + Sync>() {}

fn is_send<T: Send>(_: &T) {}

#[test]
fn both_ends_and_their_futures_go_to_any_thread() {
    is_send_and_sync::<Sender<std::cell::Cell<u8>>>();
    is_send_and_sync::<Receiver<std::cell::Cell<u8>>>();
    is_send_and_sync::<oneshot::Sender<std::cell::Cell<u8>>>();
    is_send_and_sync::<oneshot::Receiver<std::cell::Cell<u8>>>();
    let (sender, receiver) = channel::<u8>(1);
    is_send(&sender.send(1));
    is_send(&sender.reserve());
    is_send(&receiver.recv());
}

#[test]
fn a_thread_sends_to_a_core() {
    watched(|| {
        let (sender, receiver) = channel(4);
        let thread = thread::spawn(move || (0..1000).try_for_each(|n| sender.send_blocking(n)));
        nestling::block_on(async {
            for number in 0..1000 {
                assert_eq!(receiver.recv().await, Some(number));
            }
            assert_eq!(receiver.recv().await, None);
        });
        assert_eq!(thread.join().expect("it does not panic"), Ok(()));
    });
}

#[test]
fn a_core_sends_to_a_thread() {
    watched(|| {
        let (sender, receiver) = channel(4);
        let thread = thread::spawn(move || {
            let mut seen = Vec::new();
            while let Some(number) = receiver.recv_blocking() {
                seen.push(number);
            }
            seen
        });
        nestling::block_on(async move {
            for number in 0..1000 {
                sender.send(number).await.expect("the thread receives");
            }
        });
        assert_eq!(thread.join().expect("it does not panic"), (0..1000).collect::<Vec<_>>());
    });
}

#[test]
fn a_thread_and_a_core_answer_each_other() {
    watched(|| {
        let (jobs, inbox) = channel::<(u32, oneshot::Sender<u32>)>(1);
        let core = thread::spawn(move || {
            nestling::block_on(async {
                while let Some((number, reply)) = inbox.recv().await {
                    reply.send(number + 1).expect("the thread waits");
                }
            });
        });
        for number in 0..1000 {
            let (reply, answer) = remote::oneshot();
            jobs.send_blocking((number, reply)).expect("the core receives");
            assert_eq!(answer.recv_blocking(), Ok(number + 1));
        }
        drop(jobs);
        core.join().expect("it does not panic");
    });
}

#[test]
fn e1_many_threads_lose_and_double_nothing_and_each_keeps_its_order() {
    watched(|| {
        let (sender, receiver) = channel(16);
        let threads: Vec<_> = (0..THREADS)
            .map(|who| {
                let sender = sender.clone();
                let send = move |number| sender.send_blocking((who, number));
                thread::spawn(move || (0..MESSAGES).try_for_each(send))
            })
            .collect();
        drop(sender);
        let seen = nestling::block_on(async {
            let mut seen = [0; THREADS];
            while let Some((who, number)) = receiver.recv().await {
                assert_eq!(number, seen[who], "of thread {who}");
                seen[who] += 1;
            }
            seen
        });
        assert_eq!(seen, [MESSAGES; THREADS]);
        for thread in threads {
            assert_eq!(thread.join().expect("it does not panic"), Ok(()));
        }
    });
}

#[test]
fn g12_a_runtime_that_ends_lets_threads_go_on_with_an_error() {
    watched(|| {
        let (sender, receiver) = channel(1);
        let (reply, answer) = remote::oneshot::<u8>();
        let senders: Vec<_> = (0..3)
            .map(|who| {
                let sender = sender.clone();
                // The first finds room; the others wait until the receiver goes.
                thread::spawn(move || (0..2).try_for_each(|_| sender.send_blocking(who)))
            })
            .collect();
        let waits = thread::spawn(|| answer.recv_blocking());
        nestling::block_on(async move {
            let _reply = reply;
            assert!(receiver.recv().await.is_some());
        });
        let failed = senders.into_iter().map(|thread| thread.join().expect("it does not panic"));
        // Six were to be sent, one was received, and one more found its room.
        let failed: Vec<_> = failed.filter_map(Result::err).collect();
        assert!(failed.len() >= 2, "{failed:?}");
        assert_eq!(waits.join().expect("it does not panic"), Err(RecvError::Closed));
        assert_eq!(sender.send_blocking(7), Err(SendError(7)));
    });
}

#[test]
fn a_blocking_call_on_a_core_is_refused() {
    let (sender, receiver) = channel(1);
    let (_reply, answer) = remote::oneshot::<u8>();
    let said = |call: &mut dyn FnMut()| {
        let thrown = nestling::block_on(async { catch_unwind(AssertUnwindSafe(call)) });
        *thrown.expect_err("it is refused").downcast::<&str>().expect("a text")
    };
    let mut answer = Some(answer);
    for text in [
        said(&mut || _ = sender.send_blocking(1)),
        said(&mut || _ = receiver.recv_blocking()),
        said(&mut || _ = answer.take().map(oneshot::Receiver::recv_blocking)),
    ] {
        assert!(text.contains("await instead"), "{text}");
    }
    assert_eq!(sender.try_send(2), Ok(()), "nothing was sent");
}

#[test]
fn a_thread_that_is_unparked_for_something_else_waits_on() {
    watched(|| {
        let (sender, receiver) = channel(1);
        let thread = thread::spawn(move || receiver.recv_blocking());
        (0..1000).for_each(|_| thread.thread().unpark());
        sender.send_blocking(1).expect("the thread receives");
        assert_eq!(thread.join().expect("it does not panic"), Some(1));
    });
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

/// The poll of the stream has taken a message when its turn is over, and the waker panics.
#[test]
fn a_waker_that_panics_takes_no_message_along() {
    watched(|| {
        let (sender, mut receiver) = channel(1);
        sender.try_send(7).expect("there is room");
        nestling::block_on(async {
            poll_fn(|cx| {
                while poll_proceed(cx).is_ready() {}
                let waker = Waker::from(Arc::new(Panics));
                let mut polled = Context::from_waker(&waker);
                let poll = || receiver.poll_next_unpin(&mut polled).map(drop);
                let thrown = catch_unwind(AssertUnwindSafe(poll)).expect_err("the turn is over");
                assert_eq!(thrown.downcast_ref(), Some(&"a waker that panics"));
                Poll::Ready(())
            })
            .await;
            assert_eq!(receiver.recv().await, Some(7));
        });
    });
}
