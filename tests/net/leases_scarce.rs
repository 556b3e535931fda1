//! Pools that are empty: who waits, in which order, and who does not have to.

use crate::leases::{Way, first, single};
use crate::support::{pair, poll_once, turn};
use crate::{Crowd, assert_balanced, run, run_on, start};
use nestling::buf::{Lease, Pool};
use nestling::net::TcpStream;
use nestling::{Cancelled, Runtime, is_cancelled, nursery};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::mpsc::channel;
use std::thread;

/// A pool of this size for each core.
pub(crate) fn scarce(count: usize, size: usize) -> nestling::Builder {
    Runtime::builder().entries(8).buffers(count, size)
}

/// A receive that has found no buffer, and stands in line.
async fn in_line<F: Future>(mut receive: Pin<&mut F>) {
    let before = nestling::stats().starved;
    while nestling::stats().starved == before {
        assert!(poll_once(receive.as_mut()).await.is_pending());
        turn().await;
    }
}

/// Connections, and for each the other end, which has sent its number.
fn talking(count: u32) -> (Vec<TcpStream>, Vec<UnixStream>) {
    let talking = (0..count).map(|number| {
        let (stream, mut peer) = pair();
        peer.write_all(&number.to_le_bytes()).unwrap();
        (stream, peer)
    });
    talking.unzip()
}

#[test]
fn d4_one_buffer_serves_a_thousand_receivers() {
    for way in [single as Way, first] {
        let stats = run_on(scarce(1, 64), async || {
            let (streams, mut peers) = talking(300);
            let result = nursery(async |n| {
                for stream in &streams {
                    n.spawn(async move {
                        for _ in 0..4 {
                            let lease = way(stream).await?;
                            turn().await;
                            stream.write_all(lease).await.0?;
                        }
                        Ok::<_, io::Error>(())
                    });
                }
                for peer in &mut peers {
                    peer.set_nonblocking(true)?;
                }
                for round in 0..4 {
                    for (number, peer) in peers.iter_mut().enumerate() {
                        let mut answer = [0; 4];
                        while let Err(error) = peer.read_exact(&mut answer) {
                            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                            turn().await;
                        }
                        assert_eq!(u32::from_le_bytes(answer), number as u32);
                        if round < 3 {
                            peer.write_all(&answer)?;
                        }
                    }
                }
                Ok(())
            });
            result.await.unwrap();
        });
        assert!(stats.starved > 0, "{stats:?}");
        assert_eq!(stats.leased, 0, "{stats:?}");
        // Each is answered a few times: it is not asked for all the time.
        assert!(stats.submitted < 300 * 4 * 20, "{stats:?}");
    }
}

/// Those that wait are served in the order in which they came, and before one that came later.
#[test]
fn d4_receivers_wait_in_order() {
    run_on(scarce(1, 64), async || {
        let (holder, mut peer) = pair();
        peer.write_all(b"held").unwrap();
        let mut lease = Some(holder.recv().await.unwrap());
        let (streams, _peers) = talking(3);
        let mut waiting: Vec<_> = streams.iter().map(|stream| Box::pin(stream.recv())).collect();
        for receive in &mut waiting {
            in_line(receive.as_mut()).await;
        }
        for (number, receive) in waiting.iter_mut().enumerate() {
            drop(lease.take());
            let next = receive.as_mut().await.unwrap();
            assert_eq!(next[..], (number as u32).to_le_bytes());
            lease = Some(next);
        }
        assert_eq!(nestling::stats().copied, 0);
    });
}

/// One in line is dropped, or cancelled, when its buffer has come already: that goes to the next.
#[test]
fn r19_a_buffer_for_one_that_is_gone_goes_to_the_next() {
    run_on(scarce(1, 64), async || {
        for is_cut in [false, true] {
            let (holder, mut peer) = pair();
            peer.write_all(b"held").unwrap();
            let lease = holder.recv().await.unwrap();
            let (streams, _peers) = talking(2);
            let mut second = pin!(streams[1].recv());
            if is_cut {
                let cancel = Cell::new(None);
                let mut inner = pin!(nursery(async |n| {
                    cancel.set(Some(n.canceller()));
                    let error = streams[0].recv().await.unwrap_err();
                    assert!(is_cancelled(&error), "{error}");
                    Ok::<_, Cancelled>(())
                }));
                in_line(inner.as_mut()).await;
                in_line(second.as_mut()).await;
                drop(lease);
                cancel.take().unwrap().cancel();
                inner.await.unwrap();
            } else {
                let mut first = Box::pin(streams[0].recv());
                in_line(first.as_mut()).await;
                in_line(second.as_mut()).await;
                drop(lease);
                drop(first);
            }
            let lease = second.await.unwrap();
            assert_eq!(lease[..], 1_u32.to_le_bytes());
            drop(lease);
            assert_eq!(streams[0].recv().await.unwrap()[..], 0_u32.to_le_bytes());
        }
        assert_eq!(nestling::stats().copied, 0);
    });
}

/// It is cancelled when the kernel has found no buffer, and the task was not polled since: the task
/// is told, as it would be of a receive that waits.
#[test]
fn r03_a_cancel_behind_a_receive_that_has_found_no_buffer() {
    run_on(scarce(1, 64), async || {
        for way in [single as Way, first] {
            let (holder, mut peer) = pair();
            peer.write_all(b"held").unwrap();
            let lease = holder.recv().await.unwrap();
            let mut crowd = Crowd::new().await;
            let (stream, mut peer) = pair();
            let told = Cell::new(0);
            let result = nursery(async |n| {
                n.spawn(async {
                    loop {
                        let error = way(&stream).await.unwrap_err();
                        assert!(is_cancelled(&error), "{error}");
                        told.set(told.get() + 1);
                    }
                });
                turn().await;
                peer.write_all(b"left").unwrap();
                crowd.cancel(true);
                n.cancel();
                Ok::<_, Cancelled>(())
            });
            result.await.unwrap();
            assert_eq!(told.get(), 1);
            drop(lease);
            assert_eq!(&stream.recv().await.unwrap()[..], b"left");
        }
    });
}

/// A task has all leases and sleeps for ever: small messages of others still come, by each way.
#[test]
fn d7_leases_that_are_kept_for_ever_stop_no_other_receive() {
    for way in [single as Way, first] {
        let stats = run_on(scarce(4, 64), async || {
            let (streams, _peers) = talking(4);
            let mut kept = Vec::new();
            for stream in &streams {
                kept.push(way(stream).await.unwrap());
            }
            assert_eq!(nestling::stats().leased, 4);
            let (stream, mut peer) = pair();
            for round in 0..5_u8 {
                peer.write_all(&[round; 10]).unwrap();
                assert_eq!(&way(&stream).await.unwrap()[..], [round; 10]);
            }
            peer.shutdown(Shutdown::Write).unwrap();
            assert!(way(&stream).await.unwrap().is_empty());
            for (number, lease) in kept.iter().enumerate() {
                assert_eq!(lease[..], (number as u32).to_le_bytes());
            }
        });
        assert!(stats.copied >= 5, "{stats:?}");
    }
}

/// A stream whose leases are kept gets no more than its share of the pool, and all its bytes.
#[test]
fn d7_stream_that_keeps_its_leases_takes_a_share_of_the_pool() {
    let stats = run_on(scarce(32, 16), async || {
        let (stream, mut peer) = pair();
        let sent: Vec<u8> = (0..2000_u32).map(|at| (at % 251) as u8).collect();
        let mut leases = stream.recv_stream();
        let mut kept: Vec<Lease> = Vec::new();
        let mut length = 0;
        for part in sent.chunks(50) {
            peer.write_all(part).unwrap();
            while length < part.len() {
                let lease = leases.next().await.unwrap();
                length += lease.len();
                kept.push(lease);
                let held = nestling::stats().leased;
                assert!(held <= 32 / 8 + 1, "{held}");
            }
            length -= part.len();
        }
        assert!(kept.iter().flat_map(|lease| lease.to_vec()).collect::<Vec<_>>() == sent);
        // When it has given enough back, it takes buffers again.
        kept.clear();
        let copied = nestling::stats().copied;
        for _ in 0..10 {
            peer.write_all(b"more").unwrap();
            assert_eq!(&leases.next().await.unwrap()[..], b"more");
        }
        assert_eq!(nestling::stats().copied, copied);
    });
    assert!(stats.copied > 0, "{stats:?}");
}

/// A flood that its task does not take leaves buffers to others: they wait for none.
#[test]
fn d7_flood_that_is_not_taken_leaves_buffers_to_others() {
    let stats = run_on(scarce(256, 64), async || {
        let (flooded, mut flood) = pair();
        flood.set_nonblocking(true).unwrap();
        let mut leases = flooded.recv_stream();
        start(Box::pin(leases.next()).as_mut()).await;
        let (streams, mut peers) = talking(20);
        for round in 0..50 {
            while flood.write(&[9; 640]).is_ok() {}
            for (number, (stream, peer)) in streams.iter().zip(&mut peers).enumerate() {
                if round > 0 {
                    peer.write_all(&(number as u32).to_le_bytes()).unwrap();
                }
                assert_eq!(stream.recv().await.unwrap()[..], (number as u32).to_le_bytes());
            }
            assert!(nestling::stats().leased <= 256 / 2);
        }
        assert_eq!(nestling::stats().copied, 0);
        // The flood is all there.
        flood.shutdown(Shutdown::Write).unwrap();
        while !leases.next().await.unwrap().is_empty() {}
    });
    assert_eq!(stats.leased, 0, "{stats:?}");
}

/// One that comes slowly, beside receives that give their buffers back, has no more in the end.
#[test]
fn d7_trickle_that_is_not_taken_leaves_buffers_to_others() {
    let stats = run_on(scarce(256, 64), async || {
        let (neglected, mut trickle) = pair();
        let mut leases = neglected.recv_stream();
        start(Box::pin(leases.next()).as_mut()).await;
        let (stream, mut peer) = pair();
        for _ in 0..200 {
            trickle.write_all(b"a drop").unwrap();
            peer.write_all(b"a message").unwrap();
            assert_eq!(&stream.recv().await.unwrap()[..], b"a message");
            let leased = nestling::stats().leased;
            assert!(leased <= 256 / 8, "{leased}");
        }
        assert!(nestling::stats().leased >= 8, "what waits for it counts");
        let mut received = 0;
        while received < 200 * 6 {
            received += leases.next().await.unwrap().len();
        }
    });
    assert_eq!((stats.leased, stats.starved), (0, 0), "{stats:?}");
}

/// Bursts for which the kernel has too few buffers at first: soon it has enough of them.
#[test]
fn d4_kernel_gets_more_buffers_when_it_had_too_few() {
    run_on(scarce(1024, 16), async || {
        let (streams, mut peers): (Vec<_>, Vec<_>) = (0..8).map(|_| pair()).unzip();
        let mut leases: Vec<_> = streams.iter().map(|stream| stream.recv_stream()).collect();
        let mut starved = 0;
        for round in 0..60 {
            if round == 40 {
                starved = nestling::stats().starved;
                assert!(starved > 0, "it had too few");
            }
            peers.iter_mut().for_each(|peer| peer.write_all(&[1; 16 * 60]).unwrap());
            for leases in &mut leases {
                let mut received = 0;
                while received < 16 * 60 {
                    received += leases.next().await.unwrap().len();
                }
            }
        }
        assert_eq!(nestling::stats().starved, starved);
    });
}

/// A stream of one connection finds no buffer all the time, and gets each of its bytes.
#[test]
fn d4_stream_goes_on_when_its_pool_was_empty() {
    let stats = run_on(scarce(2, 16), async || {
        let (stream, mut peer) = pair();
        let sent: Vec<u8> = (0..10_000_u32).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        let writer = thread::spawn(move || peer.write_all(&sent).unwrap());
        let (mut received, mut leases) = (Vec::new(), stream.recv_stream());
        loop {
            let lease = leases.next().await.unwrap();
            if lease.is_empty() {
                break;
            }
            received.extend_from_slice(&lease);
        }
        writer.join().unwrap();
        assert!(received == expected);
    });
    assert!(stats.starved > 0, "{stats:?}");
    assert_eq!((stats.leased, stats.copied), (0, 0), "{stats:?}");
}

/// Receives that are asked for and answered with nothing sleep: an empty pool makes no storm.
#[test]
fn d4_idle_receives_at_an_empty_pool_ask_for_nothing() {
    let stats = run_on(scarce(1, 64), async || {
        let (streams, mut peers) = talking(1);
        let kept = streams[0].recv().await.unwrap();
        let others: Vec<_> = (0..10).map(|_| pair()).collect();
        let mut waiting: Vec<_> = Vec::new();
        for (stream, _) in &others {
            let mut leases = stream.recv_stream();
            waiting.push(Box::pin(async move { leases.next().await }));
        }
        for receive in &mut waiting {
            assert!(poll_once(receive.as_mut()).await.is_pending());
        }
        // The task is woken for each of them, and asks for each again, a few times.
        let polls = Cell::new(0);
        let mut over = pin!(nestling::time::sleep(std::time::Duration::from_millis(200)));
        poll_fn(|cx| {
            polls.set(polls.get() + 1);
            for receive in &mut waiting {
                assert!(receive.as_mut().poll(cx).is_pending());
            }
            over.as_mut().poll(cx)
        })
        .await;
        assert!(polls.get() < 500, "{}", polls.get());
        drop(kept);
        peers[0].write_all(b"still").unwrap();
        assert_eq!(&streams[0].recv().await.unwrap()[..], b"still");
    });
    assert!(stats.submitted < 100, "{stats:?}");
}

/// A lease that is dropped on another thread wakes the receive that waits for it.
#[test]
fn a15_lease_dropped_elsewhere_wakes_the_first_in_line() {
    let stats = run_on(scarce(1, 64), async || {
        let (hand, leases) = channel::<Lease>();
        let dropper = thread::spawn(move || leases.iter().count());
        let (streams, mut peers) = talking(2);
        for round in 0..500 {
            let (stream, peer) = (&streams[round % 2], &mut peers[round % 2]);
            let lease = stream.recv().await.unwrap();
            peer.write_all(&lease).unwrap();
            hand.send(lease).unwrap();
        }
        drop(hand);
        assert_eq!(dropper.join().unwrap(), 500);
    });
    assert!(stats.starved > 0, "{stats:?}");
    assert_eq!((stats.leased, stats.copied), (0, 0), "{stats:?}");
}

/// A runtime ends while another thread drops its leases; the last ones are read after its end.
#[test]
fn a15_leases_outlive_their_runtime_on_any_thread() {
    for _ in 0..50 {
        let (hand, leases) = channel::<Lease>();
        let dropper = thread::spawn(move || {
            let mut last = None;
            for lease in leases {
                assert_eq!(&lease[..], b"still here");
                last = Some(lease);
            }
            last.map(Lease::into_vec)
        });
        let mut kept = RefCell::new(Vec::new());
        run(async || {
            let (stream, mut peer) = pair();
            for round in 0..40 {
                peer.write_all(b"still here").unwrap();
                let lease = stream.recv().await.unwrap();
                match round % 4 {
                    0 => kept.borrow_mut().push(lease),
                    _ => hand.send(lease).unwrap(),
                }
            }
        });
        drop(hand);
        assert_eq!(dropper.join().unwrap().unwrap(), b"still here");
        for lease in kept.get_mut() {
            assert_eq!(&lease[..], b"still here");
        }
    }
}

#[test]
fn pool_is_gone_with_its_last_user_and_leases_stay() {
    run(async || {
        let pool = Pool::new(4, 32).unwrap();
        let (stream, mut peer) = pair();
        peer.write_all(b"of a pool that is gone").unwrap();
        let lease = stream.recv_in(&pool).await.unwrap();
        assert_eq!((pool.count(), pool.buffer_size(), pool.leased()), (4, 32, 1));
        drop(pool);
        assert_eq!(&lease[..], b"of a pool that is gone");
        // The next has its number, and nothing of it.
        let other = Pool::new(1, 8).unwrap();
        drop(lease);
        assert_eq!(other.leased(), 0);
        peer.write_all(b"0123456789").unwrap();
        assert_eq!(&stream.recv_in(&other).await.unwrap()[..], b"01234567");
        let mut waiting = Box::pin(stream.recv_in(&other));
        assert_eq!(&waiting.as_mut().await.unwrap()[..], b"89");
    });
}

#[test]
fn pool_of_impossible_size_is_an_error_that_says_so() {
    run(async || {
        for (count, size, said) in [
            (0, 64, "cannot have 0 buffers"),
            (3, 64, "cannot have 3 buffers"),
            (1 << 16, 64, "from 1 to 32768"),
            (8, 0, "buffers of 0 bytes"),
            (8, usize::MAX, "from 1 to 2147479552 are possible"),
        ] {
            let error = Pool::new(count, size).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(said), "{error}");
            let error = Runtime::builder().buffers(count, size).build().unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            let builder = Runtime::builder().buffers(count, size);
            let error = builder.run(async |_| Ok::<_, io::Error>(())).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
        Pool::new(1 << 15, 1).unwrap();
    });
}

#[test]
fn pool_of_more_memory_than_there_is_is_an_error() {
    run(async || {
        let error = Pool::new(1 << 15, 0x7fff_f000).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    });
}

#[test]
fn pool_of_another_runtime_is_refused() {
    let pool = RefCell::new(None);
    run(async || {
        pool.replace(Some(Pool::new(4, 64).unwrap()));
    });
    let pool = pool.take().unwrap();
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"here").unwrap();
        for way in 0..2 {
            let error = match way {
                0 => stream.recv_in(&pool).await.unwrap_err(),
                _ => stream.recv_stream_in(&pool).next().await.unwrap_err(),
            };
            assert!(error.to_string().contains("another runtime"), "{error}");
        }
        assert_eq!(&stream.recv().await.unwrap()[..], b"here");
    });
}

/// A runtime that is entered again goes on with its pool, and with a stream of receives.
#[test]
fn stream_and_pool_go_on_in_the_next_block_on() {
    let _one = crate::one_at_a_time();
    let mut runtime = Runtime::builder().build().unwrap();
    let (stream, mut peer) = pair();
    let mut leases = stream.recv_stream();
    for round in 0..3_u8 {
        runtime.block_on(async {
            peer.write_all(&[round]).unwrap();
            assert_eq!(&leases.next().await.unwrap()[..], [round]);
            assert!(poll_once(pin!(leases.next())).await.is_pending());
            turn().await;
        });
    }
    drop(leases);
    assert_balanced(&runtime);
    assert_eq!(runtime.stats().leased, 0);
}
