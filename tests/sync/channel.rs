//! Channels: order, room, and every way of closing.

use crate::support::{Count, poll_counted};
use crate::tested::channel::{SendError, TryRecvError, TrySendError, channel, unbounded};
use crate::wait::{Wait, at_once};
use futures_util::{FutureExt, StreamExt};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

#[test]
fn messages_come_in_order() {
    let (sender, receiver) = channel(10);
    (0..10).for_each(|number| at_once(sender.send(number)).expect("open"));
    assert_eq!(receiver.len(), 10);
    (0..10).for_each(|number| assert_eq!(at_once(receiver.recv()), Some(number)));
    assert!(receiver.is_empty());
}

#[test]
fn a_full_channel_holds_senders_up_in_order() {
    let (sender, receiver) = channel(1);
    at_once(sender.send(0)).expect("open");
    let other = sender.clone();
    let (one, two) = (Wait::new(sender.send(1)), Wait::new(other.send(2)));
    assert_eq!(at_once(receiver.recv()), Some(0));
    assert!(one.is_woken() && !two.is_woken());
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the room is promised");
    one.done().expect("open");
    assert_eq!(at_once(receiver.recv()), Some(1));
    two.done().expect("open");
    assert_eq!(at_once(receiver.recv()), Some(2));
}

#[test]
fn receivers_are_served_in_order() {
    let (sender, receiver) = unbounded();
    let (one, two) = (Wait::new(receiver.recv()), Wait::new(receiver.recv()));
    sender.send(1).expect("open");
    assert!(one.is_woken() && !two.is_woken());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "it is promised");
    assert_eq!(one.done(), Some(1));
    sender.send(2).expect("open");
    assert_eq!(two.done(), Some(2));
}

#[test]
fn receivers_that_are_cut_put_nothing_out_of_order() {
    let (sender, receiver) = unbounded();
    let (one, two) = (Wait::new(receiver.recv()), Wait::new(receiver.recv()));
    let three = Wait::new(receiver.recv());
    (1..=3).for_each(|number| sender.send(number).expect("open"));
    drop((two, one));
    assert_eq!(three.done(), Some(1));
    assert_eq!((at_once(receiver.recv()), at_once(receiver.recv())), (Some(2), Some(3)));
}

#[test]
fn a_receiver_that_is_cut_passes_its_message_to_the_next() {
    let (sender, receiver) = channel(1);
    let (cut, next) = (Wait::new(receiver.recv()), Wait::new(receiver.recv()));
    sender.try_send(1).expect("room");
    drop(cut);
    assert_eq!(next.done(), Some(1));
    assert_eq!(sender.try_send(2), Ok(()), "its room is free");
}

#[test]
fn a_sender_that_is_cut_passes_its_room_on() {
    let (sender, receiver) = channel(1);
    let reserved = at_once(sender.reserve()).expect("open");
    let (cut, next) = (Wait::new(sender.send(1)), Wait::new(sender.send(2)));
    drop(reserved);
    assert!(cut.is_woken());
    drop(cut);
    next.done().expect("open");
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.try_send(3), Ok(()));
}

#[test]
fn the_last_sender_closes_and_what_was_sent_is_received() {
    let (sender, receiver) = channel(2);
    let other = sender.clone();
    drop(sender);
    assert!(!receiver.is_closed());
    other.try_send(1).expect("room");
    drop(other);
    assert!(receiver.is_closed());
    assert_eq!(at_once(receiver.recv()), Some(1));
    assert_eq!(at_once(receiver.recv()), None);
    assert_eq!(at_once(receiver.recv()), None);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn all_who_receive_hear_of_the_end() {
    let (sender, receiver) = channel::<u8>(1);
    let waits: Vec<_> = (0..3).map(|_| Wait::new(receiver.recv())).collect();
    drop(sender);
    waits.into_iter().for_each(|wait| assert_eq!(wait.done(), None));
}

#[test]
fn none_means_that_nothing_was_left_even_if_a_message_was_promised_to_one_who_is_cut() {
    let (sender, receiver) = unbounded();
    let (cut, next) = (Wait::new(receiver.recv()), Wait::new(receiver.recv()));
    let last = Wait::new(receiver.recv());
    sender.send(1).expect("open");
    drop(sender);
    assert!(!next.is_woken(), "the message may still be for it");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(cut);
    assert_eq!(next.done(), Some(1));
    assert_eq!(last.done(), None);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn g12_no_send_succeeds_after_the_receiver_is_gone() {
    let (sender, receiver) = channel(1);
    at_once(sender.send(0)).expect("open");
    let (waits, reserves) = (Wait::new(sender.send(1)), Wait::new(sender.reserve()));
    drop(receiver);
    assert_eq!(waits.done(), Err(SendError(1)));
    assert!(reserves.done().is_err());
    assert_eq!(at_once(sender.send(2)), Err(SendError(2)));
    assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    assert!(at_once(sender.reserve()).is_err() && sender.is_closed());

    let (sender, receiver) = unbounded();
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert!(sender.is_closed());
    assert_eq!(io::Error::from(SendError(1)).kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn g12_no_send_succeeds_after_a_close_with_room_reserved_or_promised() {
    let (sender, receiver) = channel(2);
    at_once(sender.send(0)).expect("open");
    let reserved = at_once(sender.reserve()).expect("open");
    let waits = Wait::new(sender.send(1));
    assert_eq!(receiver.try_recv(), Ok(0));
    assert!(waits.is_woken(), "it was promised room");
    receiver.close();
    assert_eq!(waits.done(), Err(SendError(1)));
    assert_eq!(reserved.send(2), Err(SendError(2)));
    assert_eq!(at_once(receiver.recv()), None);
}

#[test]
fn what_was_sent_before_a_close_is_received() {
    let (sender, receiver) = channel(3);
    (0..3).for_each(|number| sender.try_send(number).expect("room"));
    receiver.close();
    receiver.close();
    assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    (0..3).for_each(|number| assert_eq!(at_once(receiver.recv()), Some(number)));
    assert_eq!(at_once(receiver.recv()), None);
}

#[test]
fn messages_that_nobody_received_are_dropped_with_the_receiver() {
    let message = Rc::new(());
    let (sender, receiver) = channel(2);
    (0..2).for_each(|_| sender.try_send(Rc::clone(&message)).expect("room"));
    drop(receiver);
    assert_eq!(Rc::strong_count(&message), 1);
    drop(sender.try_send(Rc::clone(&message)));
    assert_eq!(Rc::strong_count(&message), 1);
}

#[test]
fn room_that_is_not_used_comes_free() {
    let (sender, receiver) = channel(1);
    let reserved = at_once(sender.reserve()).expect("open");
    let waits = Wait::new(sender.send(1));
    drop(reserved);
    waits.done().expect("open");
    assert_eq!(at_once(receiver.recv()), Some(1));
}

#[test]
fn a_receiver_is_a_stream() {
    let (sender, mut receiver) = channel(3);
    (0..3).for_each(|number| sender.try_send(number).expect("room"));
    drop(sender);
    assert_eq!(at_once(receiver.by_ref().collect::<Vec<_>>()), [0, 1, 2]);
    assert_eq!(at_once(receiver.next()), None);
}

#[test]
fn a_stream_that_is_polled_no_more_stands_in_nobodys_way() {
    let (sender, mut receiver) = unbounded();
    let waker = Arc::new(Count::default());
    // A `next` of a `select!` that lost, before and after it was served.
    assert!(poll_counted(Box::pin(receiver.next()).as_mut(), &waker).is_pending());
    let wait = Wait::new(receiver.recv());
    sender.send(1).expect("open");
    assert_eq!(wait.done(), Some(1));

    assert!(poll_counted(Box::pin(receiver.next()).as_mut(), &waker).is_pending());
    sender.send(2).expect("open");
    assert_eq!(receiver.try_recv(), Ok(2));

    assert!(poll_counted(Box::pin(receiver.next()).as_mut(), &waker).is_pending());
    sender.send(3).expect("open");
    assert_eq!(receiver.next().now_or_never(), Some(Some(3)));
    drop((sender, receiver));
    assert_eq!(Arc::strong_count(&waker), 1);
}

#[test]
fn a_stream_that_waits_is_woken_by_a_message_and_by_the_end() {
    let (sender, mut receiver) = unbounded();
    let wait = Wait::new(receiver.next());
    sender.send(1).expect("open");
    assert_eq!(wait.done(), Some(1));
    let wait = Wait::new(receiver.next());
    drop(sender);
    assert_eq!(wait.done(), None);
}

#[test]
fn a_sender_inside_its_own_channel_is_no_cycle_once_the_receiver_is_gone() {
    let (sender, receiver) = unbounded::<Box<dyn std::any::Any>>();
    let watched = Rc::new(());
    sender.send(Box::new((sender.clone(), Rc::clone(&watched)))).expect("open");
    drop(sender);
    assert!(!receiver.is_closed());
    drop(receiver);
    assert_eq!(Rc::strong_count(&watched), 1);
}

#[test]
#[should_panic(expected = "its bound is at least 1")]
fn a_channel_without_room_is_refused() {
    drop(channel::<u8>(0));
}

#[test]
fn errors_say_what_happened_without_the_message() {
    struct Plain;
    let (sender, receiver) = channel(1);
    sender.try_send(Plain).unwrap();
    let full = sender.try_send(Plain).unwrap_err();
    assert_eq!(format!("{full}, {full:?}"), "the channel is full, Full(..)");
    receiver.close();
    let closed = SendError(Plain);
    assert_eq!(format!("{closed}, {closed:?}"), "the channel is closed, SendError(..)");
    let shown = format!("{sender:?}");
    assert_eq!(shown, "Sender(Channel { len: 1, closed: true, senders: 1, .. })");
}
