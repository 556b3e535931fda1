//! Completions that answer nothing: the test sends them to the ring itself, which is the only one
//! of its process.

use crate::support::again::alone;
use crate::support::{pair, poll_once, polled, ring};
use io_uring::{IoUring, opcode, types};
use nestling::Runtime;
use nestling::task::yield_now;
use nestling_runtime::lowlevel::nop;
use std::io::Write;
use std::os::fd::RawFd;
use std::pin::pin;

/// Another ring, from which completions are sent into the runtime's.
struct Forger {
    from: IoUring,
    to: types::Fd,
}

impl Forger {
    fn new(ring: RawFd) -> Self {
        Self { from: IoUring::new(8).unwrap(), to: types::Fd(ring) }
    }

    /// Has the runtime's ring post a completion that it never heard of.
    fn send(&mut self, user_data: u64, result: i32) {
        let entry = opcode::MsgRingData::new(self.to, result, user_data, None).build();
        // SAFETY: a message has no pointers.
        unsafe { self.from.submission().push(&entry) }.expect("it has room");
        self.from.submit_and_wait(1).unwrap();
        assert_eq!(self.from.completion().next().unwrap().result(), 0);
    }
}

const OP: u64 = 0;

/// How the library packs a slot and its generation; see `Key`.
fn user_data(generation: u64, slot: u64, tag: u64) -> u64 {
    generation << 28 | slot << 4 | tag
}

/// A receive waits in slot 0. Answers to all who had the slot before it, and to all that never
/// were, are counted; the receive goes on waiting, and gets its own answer.
#[test]
fn c11_old_generation_is_counted_and_dropped() {
    alone("stale::c11_old_generation_is_counted_and_dropped", || {
        let mut runtime = Runtime::builder().build().unwrap();
        let ring = ring();
        let mut forger = Forger::new(ring);
        let mut forged = 0;
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            for _ in 0..10 {
                nop().await.unwrap();
            }
            // Generations count from 1: this is the eleventh operation, in slot 0 like all before.
            let mut read = pin!(stream.read(vec![0; 16]));
            assert!(poll_once(read.as_mut()).await.is_pending());
            yield_now().await;
            assert_eq!(polled(ring).len(), 1);
            let old = (0..11).map(|generation| user_data(generation, 0, OP));
            let future = [user_data(12, 0, OP), user_data((1 << 36) - 1, 0, OP)];
            let empty = [1, 2, (1 << 24) - 1].map(|slot| user_data(11, slot, OP));
            let unknown = (4..16).map(|tag| user_data(11, 0, tag)).chain([u64::MAX]);
            for user_data in old.chain(future).chain(empty).chain(unknown) {
                forger.send(user_data, 7);
                forged += 1;
                yield_now().await;
                assert!(poll_once(read.as_mut()).await.is_pending(), "{user_data:#x}");
            }
            peer.write_all(b"real").unwrap();
            let (result, bytes) = read.await;
            assert_eq!((result.unwrap(), &bytes[..4]), (4, &b"real"[..]));
        });
        let stats = runtime.stats();
        assert_eq!(stats.stale, forged);
        assert_eq!((stats.submitted, stats.in_flight), (stats.completed, 0));
    });
}

/// The answer to an operation comes twice: the second finds no operation, and frees no slot.
#[test]
fn c11_second_answer_is_counted_and_dropped() {
    alone("stale::c11_second_answer_is_counted_and_dropped", || {
        let mut runtime = Runtime::builder().build().unwrap();
        let mut forger = Forger::new(ring());
        runtime.block_on(async {
            let mut first = Box::pin(nop());
            assert!(poll_once(first.as_mut()).await.is_pending());
            yield_now().await;
            // It was answered, and not polled since: its entry is still there.
            forger.send(user_data(1, 0, OP), -5);
            yield_now().await;
            first.await.unwrap();
            // Now its slot is free.
            forger.send(user_data(1, 0, OP), -5);
            yield_now().await;
            nop().await.unwrap();
        });
        let stats = runtime.stats();
        assert_eq!((stats.stale, stats.submitted, stats.completed), (2, 2, 2));
    });
}

/// Answers to cancel requests say nothing about their targets.
#[test]
fn c11_answer_to_a_cancel_does_not_answer_its_target() {
    alone("stale::c11_answer_to_a_cancel_does_not_answer_its_target", || {
        let mut runtime = Runtime::builder().build().unwrap();
        let mut forger = Forger::new(ring());
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let mut read = pin!(stream.read(vec![0; 16]));
            assert!(poll_once(read.as_mut()).await.is_pending());
            yield_now().await;
            for result in [0, -libc::ENOENT, -libc::EALREADY] {
                forger.send(user_data(1, 0, 1), result);
                yield_now().await;
                assert!(poll_once(read.as_mut()).await.is_pending());
            }
            peer.write_all(b"real").unwrap();
            assert_eq!(read.await.0.unwrap(), 4);
        });
        assert_eq!(runtime.stats().stale, 0);
    });
}
