//! Operations inside other people's combinators.

use crate::assert_balanced;
use crate::support::{pair, watched};
use futures_util::future::{Either, join_all, select, select_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, join, pin_mut};
use nestling::net::{TcpListener, TcpStream};
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{Runtime, is_cancelled, nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::ready;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Each kind of operation inside `FuturesUnordered`, which has a waker of its own for each.
#[test]
fn f4_every_operation_inside_futures_unordered() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (stream, mut peer) = pair();
            let (closing, _peer) = pair();
            let all = FuturesUnordered::new();
            all.push(async { drop(listener.accept().await.unwrap()) }.boxed_local());
            all.push(async { drop(TcpStream::connect(address).await.unwrap()) }.boxed_local());
            all.push(
                async { assert_eq!(stream.read(vec![0; 9]).await.0.unwrap(), 4) }.boxed_local(),
            );
            all.push(async { assert_eq!(stream.write("to").await.0.unwrap(), 2) }.boxed_local());
            all.push(async { closing.close().await.unwrap() }.boxed_local());
            all.push(async { sleep(MS).await }.boxed_local());
            all.push(async { nop().await.unwrap() }.boxed_local());
            all.push(
                async {
                    sleep(MS).await;
                    peer.write_all(b"from").unwrap();
                }
                .boxed_local(),
            );
            assert_eq!(all.count().await, 8);
        });
        assert_balanced(&runtime);
    });
}

/// A thousand at once, awaited in the order in which they end.
#[test]
fn f4_a_thousand_sleeps_and_reads_in_futures_unordered() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let reads: FuturesUnordered<_> = (0..1_000).map(|_| stream.read(vec![0; 1])).collect();
            let sleeps: FuturesUnordered<_> = (0..1_000).map(|n| sleep(MS * (n % 7))).collect();
            let write = async {
                for _ in 0..1_000 {
                    peer.write_all(b"x").unwrap();
                    yield_now().await;
                }
            };
            let reads = reads.filter_map(|(result, _)| ready(result.ok())).count();
            let (read, slept, ()) = join!(reads, sleeps.count(), write);
            assert_eq!((read, slept), (1_000, 1_000));
        });
        assert_balanced(&runtime);
    });
}

/// The loser of a select is dropped in flight; the winner's answer is the right one.
#[test]
fn f4_select_drops_the_loser() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (left, mut left_peer) = pair();
            let (right, mut right_peer) = pair();
            for round in 0..500 {
                let (winner, bytes) = match round % 2 {
                    0 => (&mut left_peer, b"l"),
                    _ => (&mut right_peer, b"r"),
                };
                let one = left.read(vec![0; 1]);
                let other = right.read(vec![0; 1]);
                pin_mut!(one, other);
                let write = async {
                    yield_now().await;
                    winner.write_all(bytes).unwrap();
                    std::future::pending::<()>().await
                };
                let write = pin!(write);
                let (result, buffer) = match select(select(one, other), write).await {
                    Either::Left((Either::Left((got, _)) | Either::Right((got, _)), _)) => got,
                    Either::Right(_) => unreachable!("it is never ready"),
                };
                assert_eq!((result.unwrap(), &buffer[..]), (1, &bytes[..]));
            }
        });
        let stats = assert_balanced(&runtime);
        assert_eq!(stats.cancel_requests, 500, "{stats:?}");
    });
}

/// `select_all` polls what is left with another waker each time.
#[test]
fn f4_select_all_hands_operations_from_waker_to_waker() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let mut left: Vec<_> = (1..=50).map(|n| Box::pin(sleep(MS / 10 * n))).collect();
            while !left.is_empty() {
                (_, _, left) = select_all(left).await;
            }
            let (stream, mut peer) = pair();
            let mut reads: Vec<_> = (0..50).map(|_| Box::pin(stream.read(vec![0; 1]))).collect();
            while !reads.is_empty() {
                peer.write_all(b"x").unwrap();
                let ((result, _), _, rest) = select_all(reads).await;
                assert_eq!(result.unwrap(), 1);
                reads = rest;
            }
        });
        assert_balanced(&runtime);
    });
}

/// A cancelled part of a join leaves its sibling alone.
#[test]
fn e9_cancel_does_not_reach_a_sibling_in_the_same_task() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let cancelled = timeout(MS, stream.read(vec![0; 4]));
            let (other, mut other_peer) = pair();
            let write = async {
                sleep(MS * 5).await;
                other_peer.write_all(b"safe").unwrap();
            };
            let (cancelled, (result, bytes), ()) = join!(cancelled, other.read(vec![0; 4]), write);
            assert!(is_cancelled(&cancelled.unwrap().0.unwrap_err()));
            assert_eq!((result.unwrap(), &bytes[..]), (4, &b"safe"[..]));
            peer.write_all(b"next").unwrap();
            assert_eq!(stream.read(vec![0; 4]).await.0.unwrap(), 4);
        });
        assert_eq!(assert_balanced(&runtime).cancel_requests, 1);
    });
}

/// Nurseries inside combinators, and combinators inside their children.
#[test]
fn f4_nurseries_inside_join_all() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let sums = runtime.block_on(join_all((0..20).map(|n| {
            nursery(async move |nursery| {
                let handles: Vec<_> = (0..20)
                    .map(|m| {
                        nursery.spawn(async move {
                            join_all((0..5).map(|_| nop())).await;
                            sleep(MS * (m % 3)).await;
                            Ok(n * m)
                        })
                    })
                    .collect();
                let mut sum = 0;
                for handle in handles {
                    sum += handle.await?;
                }
                Ok::<_, io::Error>(sum)
            })
        })));
        let total: u32 = sums.into_iter().map(Result::unwrap).sum();
        assert_eq!(total, 190 * 190);
        assert_balanced(&runtime);
    });
}
