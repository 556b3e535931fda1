//! `oneshot`: one message, or word that none will come.

use crate::support::{Count, poll_counted};
use crate::tested::oneshot::{RecvError, oneshot};
use crate::wait::{Wait, at_once};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

#[test]
fn a_message_is_received_whoever_comes_first() {
    let (sender, receiver) = oneshot();
    sender.send(1).expect("the receiver is there");
    assert_eq!(at_once(receiver), Ok(1));

    let (sender, receiver) = oneshot();
    let wait = Wait::new(receiver);
    sender.send(2).expect("the receiver is there");
    assert_eq!(wait.done(), Ok(2));
}

#[test]
fn a_receiver_hears_that_none_will_come() {
    let (sender, receiver) = oneshot::<u8>();
    let wait = Wait::new(receiver);
    drop(sender);
    assert_eq!(wait.done(), Err(RecvError::Closed));
    assert_eq!(io::Error::from(RecvError::Closed).kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn g12_a_send_after_close_fails_and_gives_the_message_back() {
    let (sender, receiver) = oneshot();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send("lost"), Err("lost"));

    let (sender, mut receiver) = oneshot();
    receiver.close();
    assert_eq!(sender.send("lost"), Err("lost"));
    assert_eq!(receiver.try_recv(), Err(RecvError::Closed));
}

#[test]
fn what_was_sent_before_the_close_is_received() {
    let (sender, mut receiver) = oneshot();
    sender.send(1).expect("the receiver is there");
    receiver.close();
    assert_eq!(at_once(&mut receiver), Ok(1));
    assert_eq!(receiver.try_recv(), Err(RecvError::Closed));
}

#[test]
fn a_receiver_that_closed_waits_for_nothing() {
    let (sender, mut receiver) = oneshot::<u8>();
    receiver.close();
    assert_eq!(at_once(&mut receiver), Err(RecvError::Closed));
    drop(sender);
}

#[test]
fn a_sender_hears_that_nobody_listens() {
    for close in [false, true] {
        let (mut sender, mut receiver) = oneshot::<u8>();
        let closed = Wait::new(sender.closed());
        if close {
            receiver.close()
        } else {
            drop(receiver)
        }
        closed.done();
        at_once(sender.closed());
    }
}

#[test]
fn a_receiver_that_is_awaited_by_reference_loses_nothing() {
    let (sender, mut receiver) = oneshot();
    drop(Wait::new(&mut receiver));
    sender.send(3).expect("the receiver is there");
    assert_eq!(at_once(&mut receiver), Ok(3));
    assert_eq!(at_once(&mut receiver), Err(RecvError::Closed), "it was received already");
}

#[test]
fn one_that_is_moved_is_woken_where_it_was_polled_last() {
    let (sender, receiver) = oneshot();
    let (before, after) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let mut receiver = pin!(receiver);
    assert!(poll_counted(receiver.as_mut(), &before).is_pending());
    assert!(poll_counted(receiver.as_mut(), &after).is_pending());
    assert_eq!(Arc::strong_count(&before), 1, "its waker was let go");
    sender.send(1).expect("the receiver is there");
    assert_eq!((before.get(), after.get()), (0, 1));
}

#[test]
fn a_message_that_nobody_received_is_dropped_with_the_receiver() {
    let message = Rc::new(());
    let (sender, receiver) = oneshot();
    sender.send(Rc::clone(&message)).expect("the receiver is there");
    drop(receiver);
    assert_eq!(Rc::strong_count(&message), 1);
}

#[test]
fn dropped_in_any_order_nothing_is_kept() {
    let waker = Arc::new(Count::default());
    for receiver_first in [false, true] {
        let (mut sender, receiver) = oneshot::<u8>();
        let mut receiver = Box::pin(receiver);
        assert!(poll_counted(receiver.as_mut(), &waker).is_pending());
        assert!(poll_counted(pin!(sender.closed()), &waker).is_pending());
        assert_eq!(Arc::strong_count(&waker), 3);
        if receiver_first {
            drop(receiver);
            drop(sender);
        } else {
            drop(sender);
            drop(receiver);
        }
        assert_eq!(Arc::strong_count(&waker), 1);
    }
}
