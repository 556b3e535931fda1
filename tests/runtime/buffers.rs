//! Buffers: who frees them, when, and what is written to them.

use crate::assert_balanced;
use crate::support::{pair, poll_once, turn, watched};
use nestling::Runtime;
use nestling::buf::{IoBuf, IoBufMut};
use nestling::net::TcpStream;
use nestling::task::yield_now;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// A value that the kernel never writes here.
const POISON: u8 = 0xA5;

/// Memory that outlives its buffers, so that a late write can be seen.
#[derive(Debug, Default)]
struct Graveyard(RefCell<Vec<Box<[u8]>>>);

impl Graveyard {
    /// Asserts that nothing was written to what was freed.
    fn assert_at_rest(&self) {
        for grave in self.0.borrow().iter() {
            assert!(grave.iter().all(|byte| *byte == POISON), "written after it was freed");
        }
    }
}

/// A buffer that poisons its memory when it is dropped, and puts it into the graveyard.
struct Mortal {
    memory: Box<[u8]>,
    graveyard: Rc<Graveyard>,
}

impl Mortal {
    fn new(length: usize, graveyard: &Rc<Graveyard>) -> Self {
        Self { memory: vec![0; length].into(), graveyard: Rc::clone(graveyard) }
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.memory.fill(POISON);
        self.graveyard.0.borrow_mut().push(std::mem::take(&mut self.memory));
    }
}

// SAFETY: the memory is boxed, and never resized.
unsafe impl IoBuf for Mortal {
    fn io_ptr(&self) -> *const u8 {
        self.memory.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.memory.len()
    }
}

// SAFETY: as above; the bytes are initialised.
unsafe impl IoBufMut for Mortal {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.memory.as_mut_ptr()
    }

    unsafe fn set_init(&mut self, _: usize) {}
}

/// Receives are dropped in flight when their data is there, through a queue of 8: for most of them
/// the data comes before the cancel. It goes into no other memory.
#[test]
fn a1_buffer_of_a_dropped_read_is_freed_after_the_kernel_is_done() {
    watched(|| {
        let graveyard = Rc::new(Graveyard::default());
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        for round in 1..=40 {
            runtime.block_on(async {
                let (streams, mut peers): (Vec<_>, Vec<_>) = (0..50).map(|_| pair()).unzip();
                let mut reads: Vec<_> = streams
                    .iter()
                    .map(|stream| Box::pin(stream.read(Mortal::new(64, &graveyard))))
                    .collect();
                for read in &mut reads {
                    assert!(poll_once(read.as_mut()).await.is_pending());
                }
                turn().await;
                peers.iter_mut().for_each(|peer| peer.write_all(&[1; 64]).unwrap());
                drop(reads);
                if round % 2 == 0 {
                    turn().await;
                    graveyard.assert_at_rest();
                }
            });
            graveyard.assert_at_rest();
            assert_eq!(graveyard.0.borrow().len(), round * 50, "each is freed, once");
        }
        assert_balanced(&runtime);
    });
}

/// A buffer comes back as it was given, at the same address, however its future was moved.
#[test]
fn a6_a_moved_future_takes_its_answer() {
    watched(|| {
        let graveyard = Rc::new(Graveyard::default());
        nestling::block_on(async {
            let (stream, mut peer) = pair();
            let stream = Rc::new(stream);
            for _ in 0..100 {
                let buffer = Mortal::new(64, &graveyard);
                let address = buffer.io_ptr();
                let mut read = Box::pin(stream.read(buffer));
                assert!(poll_once(read.as_mut()).await.is_pending());
                yield_now().await;
                let mut moved = vec![read];
                moved.reserve(100);
                peer.write_all(&[7; 64]).unwrap();
                let (result, buffer) = moved.remove(0).await;
                assert_eq!((result.unwrap(), buffer.io_ptr()), (64, address));
                assert!(buffer.as_bytes().iter().all(|byte| *byte == 7));
            }
        });
        graveyard.assert_at_rest();
    });
}

/// Every byte that a receive reports was received, and no other one was touched.
#[test]
fn a10_only_what_was_received_counts_as_initialised() {
    watched(|| {
        nestling::block_on(async {
            let (stream, mut peer) = pair();
            for length in 0..=64 {
                let mut buffer = Vec::with_capacity(64);
                buffer.extend_from_slice(&[9; 16]);
                peer.write_all(&vec![3; length]).unwrap();
                if length == 0 {
                    continue;
                }
                let (result, buffer) = stream.read(buffer).await;
                assert_eq!(result.unwrap(), length);
                assert_eq!(buffer.len(), length.max(16));
                assert!(buffer[..length].iter().all(|byte| *byte == 3));
                assert!(buffer[length..].iter().all(|byte| *byte == 9));
            }
        });
    });
}

/// A buffer without room is answered at once: nothing can be waited for.
#[test]
fn i8_empty_buffers_do_not_wait() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let result: io::Result<()> = runtime.block_on(async {
            let (stream, _silent) = pair();
            assert_eq!(stream.read(Vec::new()).await.0?, 0);
            assert_eq!(stream.read(vec![0; 8].slice(8..)).await.0?, 0);
            stream.read_exact(Vec::new()).await.0?;
            assert_eq!(stream.write(Vec::new()).await.0?, 0);
            stream.write_all("").await.0?;
            Ok(())
        });
        result.unwrap();
        assert_balanced(&runtime);
    });
}

/// `read_exact` takes what it was asked for, whatever room there is beside that.
#[test]
fn i8_read_exact_fills_the_length_or_the_room_of_what_is_empty() {
    async fn exact<B: IoBufMut>(stream: &TcpStream, buffer: B) -> B {
        let (result, buffer) = stream.read_exact(buffer).await;
        result.expect("there is enough");
        buffer
    }
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let sent: Vec<u8> = (0..64).collect();
            peer.write_all(&sent).unwrap();
            drop(peer);
            // A vector that has grown, and one that is empty.
            let mut grown = vec![99; 3];
            grown.reserve(4096);
            assert_eq!(exact(&stream, grown).await, sent[..3]);
            let empty = exact(&stream, Vec::with_capacity(8)).await;
            assert_eq!(empty.len(), empty.capacity());
            let mut rest = sent[3..].strip_prefix(&*empty).unwrap();
            let mut next = |count| rest.split_off(..count).unwrap();
            // Nothing at all.
            assert!(exact(&stream, Vec::new()).await.is_empty());
            assert_eq!(exact(&stream, vec![99; 4].slice(2..2)).await.into_inner(), [99; 4]);
            assert!(exact(&stream, Box::<[u8]>::default()).await.is_empty());
            // No room beside the length.
            assert_eq!(*exact(&stream, vec![99; 2].into_boxed_slice()).await, *next(2));
            // A part: as long as it is said to be, or what is left of the length, or of the room.
            let mut buffer = Vec::with_capacity(4096);
            buffer.extend([99; 4]);
            let buffer = exact(&stream, buffer.slice(2..5)).await.into_inner();
            assert_eq!(buffer, [&[99; 2], next(3)].concat());
            let buffer = exact(&stream, buffer.slice(3..)).await.into_inner();
            assert_eq!(buffer[3..], *next(2));
            assert_eq!(buffer.slice(5..).io_exact(), 4096 - 5);
            // What was not asked for is still there.
            let (received, buffer) = stream.read(Vec::with_capacity(64)).await;
            assert_eq!((received.unwrap(), &*buffer), (rest.len(), rest));
        });
        assert_balanced(&runtime);
    });
}
