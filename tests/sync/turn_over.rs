//! Rule 18: when a turn is over, what an await would have returned stays where it is, or is given
//! back; and messages come in order all the same.

use crate::support::random::{Random, seeds};
use crate::support::{end_turn, poll_once, watched};
use crate::tested::channel::{Receiver, Sender, channel};
use crate::tested::oneshot;
use futures_executor::block_on as foreign_block_on;
use futures_util::StreamExt;
use nestling::task::yield_now;
use nestling::{block_on, nursery, timeout};
use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

const SEEDS: u64 = 60;
const MESSAGES: usize = 300;

/// What went in, or came out: the sender's number and the message's.
type Log = RefCell<Vec<(usize, usize)>>;

/// Now and then the turn is over when the next await is polled.
async fn disturb(random: &mut Random) {
    match random.below(10) {
        0 => yield_now().await,
        1..4 => end_turn().await,
        _ => {}
    }
}

async fn send(sender: Sender<(usize, usize)>, own: usize, random: &mut Random, log: &Log) {
    for number in 0..MESSAGES {
        disturb(random).await;
        let message = (own, number);
        match random.below(4) {
            0 => sender.reserve().await.expect("it is open").send(message).expect("it is open"),
            1 if sender.try_send(message).is_ok() => {}
            2 if poll_once(pin!(sender.send(message))).await.is_ready() => {}
            _ => sender.send(message).await.expect("it is open"),
        }
        log.borrow_mut().push(message);
    }
}

async fn receive(mut receiver: Receiver<(usize, usize)>, random: &mut Random, log: &Log) {
    loop {
        disturb(random).await;
        let received = match random.below(4) {
            // What is given up goes to the next.
            0 => match poll_once(pin!(receiver.recv())).await {
                Poll::Ready(received) => received,
                Poll::Pending => continue,
            },
            1 => match timeout(Duration::ZERO, receiver.next()).await {
                Ok(received) => received,
                Err(_) => continue,
            },
            2 => receiver.next().await,
            _ => receiver.recv().await,
        };
        let Some(message) = received else { return };
        log.borrow_mut().push(message);
    }
}

#[test]
fn r18_messages_are_received_as_they_were_sent() {
    watched(|| {
        for seed in seeds(0..SEEDS) {
            let mut random = Random::new(seed);
            let (sender, receiver) = channel(1 + random.below(8));
            let (sent, received) = (Log::default(), Log::default());
            let result = block_on(nursery(async |n| {
                for own in 0..3 {
                    let (sender, sent) = (sender.clone(), &sent);
                    let mut random = Random::new(seed * 10 + own as u64);
                    n.spawn(async move { send(sender, own, &mut random, sent).await });
                }
                drop(sender);
                receive(receiver, &mut random, &received).await;
                Ok::<_, io::Error>(())
            }));
            result.expect("nothing fails");
            assert_eq!(sent.borrow().len(), 3 * MESSAGES, "seed {seed}");
            assert_eq!(sent, received, "seed {seed}");
        }
    });
}

#[test]
fn r18_a_message_stays_when_the_turn_is_over() {
    watched(|| {
        block_on(async {
            let (sender, mut receiver) = channel(2);
            sender.send(1).await.expect("it is open");
            sender.send(2).await.expect("it is open");
            end_turn().await;
            assert!(poll_once(pin!(receiver.recv())).await.is_pending());
            assert!(poll_once(pin!(receiver.next())).await.is_pending());
            assert_eq!((receiver.len(), receiver.try_recv()), (2, Ok(1)), "it was given back");
            assert_eq!(receiver.recv().await, Some(2));
        });
    });
}

#[test]
fn r18_room_comes_back_when_the_turn_is_over() {
    watched(|| {
        block_on(async {
            let (sender, receiver) = channel(1);
            end_turn().await;
            assert!(poll_once(pin!(sender.send(1))).await.is_pending());
            assert!(poll_once(pin!(sender.reserve())).await.is_pending());
            sender.try_send(2).expect("it was given back");
            assert_eq!(receiver.recv().await, Some(2));
        });
    });
}

#[test]
fn r18_one_message_stays_when_the_turn_is_over() {
    watched(|| {
        block_on(async {
            let (sender, mut receiver) = oneshot();
            sender.send(7).expect("it listens");
            end_turn().await;
            assert!(poll_once(pin!(&mut receiver)).await.is_pending());
            assert_eq!(receiver.try_recv(), Ok(7));

            let (sender, mut receiver) = oneshot();
            sender.send(8).expect("it listens");
            end_turn().await;
            assert!(poll_once(pin!(&mut receiver)).await.is_pending());
            assert_eq!(receiver.await, Ok(8));
        });
    });
}

/// It polls again at once, and the turn does not end meanwhile.
#[test]
fn r18_a_foreign_executor_in_a_child_gets_on() {
    watched(|| {
        let result = block_on(nursery(async |n| {
            n.spawn(async {
                let (sender, receiver) = channel(1);
                foreign_block_on(async {
                    for number in 0..10_000 {
                        sender.send(number).await.expect("it is open");
                        assert_eq!(receiver.recv().await, Some(number));
                        let (reply, answer) = oneshot();
                        reply.send(number).expect("it listens");
                        assert_eq!(answer.await, Ok(number));
                    }
                });
            });
            Ok::<_, io::Error>(())
        }));
        result.expect("nothing fails");
    });
}
