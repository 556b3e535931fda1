//! Two cores of a program: ping-pong, fairness, cancelling, and wakers that outlive a runtime.

use crate::support::{Count, poll_counted, poll_once, watched};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use nestling::sync::remote::{channel, oneshot};
use nestling::task::yield_now;
use nestling::{Cores, Runtime, nursery};
use std::future::pending;
use std::io::{self, Error};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

/// Runs a program on the first of two cores; the other only receives children.
fn first(main: impl AsyncFn() -> io::Result<()> + Send + Sync + 'static) {
    watched(|| {
        let cores = Runtime::builder().cores(Cores::Count(2));
        let ended = cores.run(async move |core| match core.index() {
            0 => main().await,
            _ => Ok(()),
        });
        ended.expect("nothing fails");
    });
}

#[test]
fn two_cores_play_ping_pong() {
    first(async || {
        let (there, here) = channel(1);
        let (back, answers) = channel(1);
        nursery(async |n| {
            n.spawn_on(1, async move || {
                while let Some(number) = here.recv().await {
                    back.send(number + 1).await?;
                }
                Ok::<_, Error>(())
            });
            for number in 0..10_000 {
                there.send(number).await?;
                assert_eq!(answers.recv().await, Some(number + 1));
            }
            drop(there);
            assert_eq!(answers.recv().await, None);
            Ok(())
        })
        .await
    });
}

#[test]
fn a_core_answers_each_question_once() {
    first(async || {
        let (questions, inbox) = channel::<(u32, oneshot::Sender<u32>)>(2);
        nursery(async |n| {
            n.spawn_on(1, async move || {
                while let Some((number, reply)) = inbox.recv().await {
                    oneshot::Sender::send(reply, number + 1).expect("it waits");
                }
                Ok::<_, Error>(())
            });
            for number in 0..5_000 {
                let (reply, answer) = oneshot();
                questions.send((number, reply)).await?;
                assert_eq!(answer.await?, number + 1);
            }
            drop(questions);
            Ok(())
        })
        .await
    });
}

#[test]
fn r07_a_cancel_cuts_a_receive_on_another_core_and_nothing_is_lost() {
    first(async || {
        for _ in 0..200 {
            let (sender, receiver) = channel(1);
            let receiver = Arc::new(receiver);
            let its = Arc::clone(&receiver);
            let (up, ready) = oneshot();
            let received = nursery(async |n| {
                let handle = n.spawn_on(1, async move || {
                    let mut recv = pin!(its.recv());
                    assert!(poll_once(recv.as_mut()).await.is_pending());
                    up.send(()).expect("it waits");
                    recv.await;
                    Ok::<_, Error>(())
                });
                ready.await?;
                // The message and the cancel race to the other core.
                handle.cancel();
                sender.try_send(7).expect("room");
                Ok::<_, Error>(handle.await.is_ok())
            });
            let received = received.await?;
            assert_eq!(receiver.try_recv().is_err(), received);
        }
        Ok(())
    });
}

#[test]
fn a_send_that_is_cut_on_another_core_hands_its_room_to_the_next() {
    first(async || {
        for _ in 0..200 {
            let (sender, receiver) = channel(1);
            sender.try_send(0).expect("room");
            let its = sender.clone();
            let (up, ready) = oneshot();
            nursery(async |n| {
                let handle = n.spawn_on(1, async move || {
                    let mut send = pin!(its.send(1));
                    assert!(poll_once(send.as_mut()).await.is_pending());
                    up.send(()).expect("it waits");
                    send.await.expect("the receiver is there");
                    Ok::<_, Error>(())
                });
                ready.await?;
                let mut next = pin!(sender.send(2));
                assert!(poll_once(next.as_mut()).await.is_pending());
                handle.cancel();
                assert_eq!(receiver.recv().await, Some(0));
                // Either it was served before it was cut, or the next is.
                let sent = match select(next, pin!(receiver.recv())).await {
                    Either::Left((sent, recv)) => {
                        sent.expect("open");
                        assert_eq!(recv.await, Some(2));
                        false
                    }
                    Either::Right((message, next)) => {
                        assert_eq!(message, Some(1));
                        next.await.expect("open");
                        assert_eq!(receiver.recv().await, Some(2));
                        true
                    }
                };
                assert_eq!(handle.await.is_ok(), sent);
                assert!(receiver.is_empty());
                Ok::<_, Error>(())
            })
            .await?;
        }
        Ok(())
    });
}

#[test]
fn senders_of_several_threads_get_room_in_the_order_in_which_they_came() {
    watched(|| {
        let (sender, receiver) = channel(1);
        sender.try_send(0).expect("room");
        let mut threads = Vec::new();
        for who in 1..=8 {
            let sender = sender.clone();
            let (up, ready) = oneshot();
            threads.push(thread::spawn(move || {
                nestling::block_on(async {
                    let mut send = pin!(sender.send(who));
                    assert!(poll_once(send.as_mut()).await.is_pending());
                    // It stands in line: the next may come.
                    up.send(()).expect("it waits");
                    send.await.expect("the receiver is there");
                });
            }));
            ready.recv_blocking().expect("the thread waits");
        }
        for who in 0..=8 {
            // Newcomers do not get in between, however free the place was for a moment.
            assert!(sender.try_send(9).is_err());
            assert_eq!(receiver.recv_blocking(), Some(who));
        }
        threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    });
}

#[test]
fn f4_messages_of_another_core_inside_a_futures_unordered() {
    first(async || {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..50).map(|_| channel(1)).unzip();
        nursery(async |n| {
            n.spawn_on(1, async move || {
                for number in 0..10 {
                    for sender in senders.iter().rev() {
                        sender.send(number).await?;
                    }
                    yield_now().await;
                }
                Ok::<_, Error>(())
            });
            let sums = receivers.iter().map(|receiver| async {
                let mut sum = 0;
                while let Some(number) = receiver.recv().await {
                    sum += number;
                }
                sum
            });
            let sums: Vec<u32> = sums.collect::<FuturesUnordered<_>>().collect().await;
            assert_eq!(sums, [45; 50]);
            Ok(())
        })
        .await
    });
}

#[test]
fn f4_the_loser_of_a_select_loses_nothing_of_another_core() {
    first(async || {
        let ((one, ones), (other, others)) = (channel(2), channel(2));
        nursery(async |n| {
            n.spawn_on(1, async move || {
                for number in 0..1000 {
                    one.send(number).await?;
                    other.send(number).await?;
                }
                drop(one);
                other.send(1000).await?;
                pending::<io::Result<()>>().await
            });
            let mut seen = (0, 0);
            loop {
                match select(pin!(ones.recv()), pin!(others.recv())).await {
                    Either::Left((Some(number), _)) => {
                        assert_eq!(number, seen.0);
                        seen.0 += 1;
                    }
                    Either::Right((Some(number), _)) => {
                        assert_eq!(number, seen.1);
                        seen.1 += 1;
                    }
                    Either::Left((None, _)) => break,
                    Either::Right((None, _)) => unreachable!("its sender is there"),
                }
            }
            while seen.1 <= 1000 {
                assert_eq!(others.recv().await, Some(seen.1));
                seen.1 += 1;
            }
            assert_eq!(seen, (1000, 1001));
            n.cancel();
            Ok(())
        })
        .await
    });
}

#[test]
fn f7_a_wait_that_outlives_its_runtime_goes_on_in_another() {
    watched(|| {
        for _ in 0..500 {
            let (sender, receiver) = channel(1);
            let receiver: Arc<_> = Arc::new(receiver);
            let mut recv: Pin<Box<dyn Future<Output = Option<u8>> + Send>> = Box::pin({
                let receiver = Arc::clone(&receiver);
                async move { receiver.recv().await }
            });
            // The thread wakes a task of a runtime that ends meanwhile, or has ended.
            let thread = nestling::block_on(async {
                assert!(poll_once(recv.as_mut()).await.is_pending());
                thread::spawn(move || sender.try_send(1).expect("room"))
            });
            assert_eq!(nestling::block_on(recv), Some(1));
            thread.join().expect("it does not panic");
        }
    });
}

#[test]
fn f7_a_place_in_line_outlives_its_runtime_until_it_is_left() {
    watched(|| {
        let (sender, receiver) = channel(1);
        let mut recv = Box::pin(receiver.recv());
        let polled = nestling::block_on(async { poll_once(recv.as_mut()).await });
        assert!(polled.is_pending());
        let woken = Arc::new(Count::default());
        let mut next = Box::pin(receiver.recv());
        assert!(poll_counted(next.as_mut(), &woken).is_pending());
        thread::spawn(move || sender.try_send(1)).join().expect("no panic").expect("room");
        assert_eq!(woken.get(), 0, "it is promised to the first");
        drop(recv);
        assert_eq!(woken.get(), 1);
        assert_eq!(poll_counted(next.as_mut(), &woken), Poll::Ready(Some(1)));
    });
}
