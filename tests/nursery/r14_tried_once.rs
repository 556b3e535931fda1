//! Rule 14: a deadline that has passed already lets an operation be submitted and looked at once.

use crate::support::nurseries::{E, counted, listener, never};
use crate::support::pair;
use nestling::time::Instant;
use nestling::{is_cancelled, nursery, shield_for, timeout, timeout_at};
use std::io::{self, Read, Write};
use std::time::Duration;

const NOTHING: Duration = Duration::ZERO;

#[test]
fn r14_bytes_that_wait_are_read_by_a_timeout_of_nothing() {
    let ((), stats) = counted(async || {
        let (here, mut there) = pair();
        there.write_all(b"hello").expect("room");
        let (read, buffer) = timeout(NOTHING, here.read(vec![0; 8])).await.expect("it answers");
        assert_eq!((read.expect("they wait"), &buffer[..5]), (5, &b"hello"[..]));
        there.write_all(b"again").expect("room");
        let past = Instant::now() - Duration::from_secs(1);
        let inside = nursery(async |n| {
            let child = n.spawn(async { Ok(here.read_exact(vec![0; 5]).await) });
            Ok::<_, io::Error>(child.await?.1)
        });
        assert_eq!(timeout_at(past, inside).await.expect("it answers").unwrap(), b"again");
    });
    assert_eq!((stats.cancelled, stats.withdrawn), (0, 0), "{stats:?}");
}

#[test]
fn r14_a_shield_for_nothing_sends_what_there_is_room_for() {
    counted(async || {
        let (here, mut there) = pair();
        let result = nursery(async |n| {
            n.cancel();
            let (sent, _) = shield_for(NOTHING, here.write_all("bye")).await.expect("it answers");
            sent.expect("room");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let mut said = [0; 3];
        there.read_exact(&mut said).expect("it was sent");
        assert_eq!(&said, b"bye");
    });
}

#[test]
fn r14_what_does_not_answer_at_once_is_submitted_and_cancelled() {
    let ((), stats) = counted(async || {
        let (quiet, (here, _there)) = (listener().await, pair());
        assert_eq!(timeout(NOTHING, never(&quiet)).await, Ok(Err(E::Cancelled)));
        let (read, buffer) = timeout(NOTHING, here.read(vec![7; 8])).await.expect("it answers");
        assert!(is_cancelled(&read.unwrap_err()));
        assert_eq!(buffer, [7; 8]);
    });
    assert_eq!((stats.cancelled, stats.withdrawn), (2, 0), "{stats:?}");
}
