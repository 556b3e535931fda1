//! A channel between threads: what one side leaves to the other is found, and no wait is forgotten.

use super::{check, join, start};
use crate::sync::remote::channel::{TryRecvError, channel};
use crate::sys::shared::kernel::Conduct;
use loom::thread;
use std::iter;

/// One core sends so many messages through so much room, and another one receives them all.
fn passes(bound: usize, messages: u8, interruptions: usize) {
    check(Some(interruptions), Conduct::default(), move || {
        let (sender, receiver) = channel(bound);
        let sends = start(move |mut runtime| {
            runtime.block_on(async {
                for number in 0..messages {
                    sender.send(number).await.expect("the receiver is there");
                }
                drop(sender);
            });
        });
        let receives = start(move |mut runtime| {
            runtime.block_on(async {
                for number in 0..messages {
                    assert_eq!(receiver.recv().await, Some(number));
                }
                assert_eq!(receiver.recv().await, None);
            });
        });
        join([sends, receives]);
    });
}

/// The sender waits for room, and the receiver for messages.
#[test]
fn f1_each_side_waits_for_the_other() {
    passes(1, 2, 2);
}

/// There is room for all: only the receiver waits, and what is sent meanwhile goes the short way.
#[test]
fn f1_a_receiver_waits_while_messages_are_sent_at_once() {
    passes(3, 3, 2);
}

/// A side that goes on alone does not miss that the channel is closed.
#[test]
fn g12_what_is_accepted_is_received_and_nothing_after_the_close() {
    check(Some(3), Conduct::default(), || {
        let (sender, receiver) = channel(2);
        let sends = thread::spawn(move || {
            let sent = [(); 2].map(|()| sender.try_send(()).is_ok());
            assert!(sent[0] || !sent[1], "a send after the close has succeeded");
            sent.into_iter().filter(|sent| *sent).count()
        });
        let before = usize::from(receiver.try_recv().is_ok());
        receiver.close();
        let after = iter::from_fn(|| receiver.try_recv().ok()).count();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        let sent = sends.join().expect("it does not panic");
        assert_eq!(before + after, sent);
    });
}
