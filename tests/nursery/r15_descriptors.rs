//! Rule 15, by name: a socket that a child drops is closed when its nursery has returned.
//!
//! Counting descriptors needs a process of its own: see `tests/nursery_descriptors.rs`.

use crate::support::nurseries::{
    E, OnDrop, accept, inode, is_open, listener, never, pair, run, settle, std_connect,
};
use crate::support::poll_once;
use futures_util::future::select;
use nestling::nursery;
use std::cell::Cell;
use std::io::Read;
use std::pin::pin;

#[test]
fn r15_a_dropped_socket_is_closed_when_the_nursery_has_returned() {
    run(async || {
        let names = Cell::new(Vec::new());
        let result = nursery(async |n| {
            n.spawn(async {
                let quiet = listener().await;
                let (here, there) = pair().await;
                names.set(vec![inode(&quiet), inode(&here), inode(&there)]);
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let names = names.take();
        assert_eq!(names.len(), 3);
        assert!(!names.iter().any(|name| is_open(name)));
    });
}

#[test]
fn r15_the_close_comes_after_the_operations_in_flight() {
    run(async || {
        let name = Cell::new(String::new());
        let result = nursery(async |n| {
            n.spawn(async {
                let (here, _there) = pair().await;
                name.set(inode(&here));
                {
                    let read = pin!(here.read(vec![0; 8]));
                    drop(select(read, pin!(settle())).await);
                }
                let name = name.take();
                drop(here);
                assert!(is_open(&name), "the read, which nobody awaits, holds it");
                Ok(())
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r15_what_a_cut_child_held_is_closed() {
    run(async || {
        let names = Cell::new(Vec::new());
        let result = nursery(async |n| {
            n.spawn(async {
                let (here, there) = pair().await;
                let quiet = listener().await;
                names.set(vec![inode(&quiet), inode(&here), inode(&there)]);
                never(&quiet).await?;
                Ok(())
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        let names = names.take();
        assert_eq!(names.len(), 3);
        assert!(!names.iter().any(|name| is_open(name)));
    });
}

/// A value that no task takes is dropped with its handle, or at the child's end without one.
#[test]
fn r15_a_socket_in_a_value_that_nobody_takes() {
    run(async || {
        let names = Cell::new(Vec::new());
        let result = nursery(async |n| {
            let connected = async || {
                let (here, there) = pair().await;
                let mut known = names.take();
                known.extend([inode(&here), inode(&there)]);
                names.set(known);
                Ok((here, there))
            };
            drop(n.spawn(connected()));
            let handle = n.spawn(connected());
            settle().await;
            drop(handle);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let names = names.take();
        assert_eq!(names.len(), 4);
        assert!(!names.iter().any(|name| is_open(name)));
    });
}

/// Trap 1: of two accepts in a `select`, the loser had won. Its connection goes, and its peer sees
/// the end.
#[test]
fn r15_the_loser_of_a_select_that_had_won() {
    run(async || {
        let peers = Cell::new(Vec::new());
        let result = nursery(async |n| {
            n.spawn(async {
                let (one, two) = (listener().await, listener().await);
                let addresses = [&one, &two].map(|l| l.local_addr().expect("an address"));
                let (mut first, mut second) = (Box::pin(accept(&one)), Box::pin(accept(&two)));
                assert!(poll_once(first.as_mut()).await.is_pending());
                assert!(poll_once(second.as_mut()).await.is_pending());
                peers.set(addresses.map(std_connect).into());
                settle().await;
                drop(select(first, second).await);
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        for mut peer in peers.take() {
            let ended = peer.read(&mut [0; 1]);
            assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        }
    });
}

/// Trap 2: a delivered connection whose owner is cut at its next wait, a full channel.
#[test]
fn r15_a_connection_on_its_way_into_a_channel() {
    run(async || {
        let peer = Cell::new(None);
        let result = nursery(async |n| {
            n.spawn(async {
                let quiet = listener().await;
                let (send, _receive) = async_channel::bounded(1);
                send.try_send(pair().await.0).expect("room for one");
                peer.set(Some(std_connect(quiet.local_addr().expect("an address"))));
                let connection = accept(&quiet).await.expect("it was connected");
                n.cancel();
                send.send(connection).await.expect("open");
                panic!("a full channel has no room");
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let ended = peer.take().expect("connected").read(&mut [0; 1]);
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    });
}

/// A connection that comes while the accept is being cancelled is delivered or left to the next.
#[test]
fn r15_a_connection_that_races_the_cancel() {
    run(async || {
        for _ in 0..50 {
            let quiet = listener().await;
            let address = quiet.local_addr().expect("an address");
            let delivered = Cell::new(false);
            let peer = Cell::new(None);
            let result = nursery(async |n| {
                n.spawn(async {
                    let answer = accept(&quiet).await;
                    delivered.set(answer.is_ok());
                    Ok(())
                });
                settle().await;
                let _cancels = OnDrop(|| n.cancel());
                peer.set(Some(std_connect(address)));
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            if !delivered.get() {
                accept(&quiet).await.expect("it waits in the backlog");
            }
            // The loop turns once more for the close: what follows blocks it.
            settle().await;
            let ended = peer.take().expect("connected").read(&mut [0; 1]);
            assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        }
    });
}
