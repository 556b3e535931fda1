//! Channels between the cores of a program, and between a core and other threads.
//!
//! | | |
//! |---|---|
//! | [`channel()`] | many messages, from many senders |
//! | [`oneshot()`] | one message |
//!
//! They are a pair with the local [`channel`](super::channel()) and [`oneshot`](super::oneshot()):
//! the same names, the same errors, the same rules of order, closing and cancellation. They cost
//! more, so use them only where a thread is crossed. A thread without a runtime calls what ends in
//! `_blocking`, or awaits in a runtime of its own: any waker will do. A core that sleeps is woken
//! with a message that rides on the next `enter` of the core which sends.
//!
//! There is none without a bound: between threads nothing else holds back the faster one.
//!
//! # Examples
//!
//! ```
//! use nestling_runtime::sync::remote;
//!
//! let (jobs, inbox) = remote::channel::<(u64, remote::oneshot::Sender<u64>)>(16);
//! let core = std::thread::spawn(move || {
//!     nestling_runtime::block_on(async {
//!         while let Some((number, reply)) = inbox.recv().await {
//!             // The task that has asked may be gone meanwhile.
//!             let _ = reply.send(number * number);
//!         }
//!     })
//! });
//!
//! let (reply, answer) = remote::oneshot();
//! jobs.send_blocking((7, reply)).expect("the core receives");
//! assert_eq!(answer.recv_blocking(), Ok(49));
//! drop(jobs);
//! core.join().expect("it does not panic");
//! ```
//!
//! # Why the channel is our own
//!
//! `oneshot` is that of `futures-channel`, with drop points. No channel keeps the rules. With
//! `async-channel` a newcomer takes the room for which another was woken, so that one busy sender
//! can starve the rest, and messages without a receiver live as long as its senders. With
//! `tokio::sync::mpsc` a send into reserved room cannot fail, so its message is dropped in silence
//! when the receiver has gone; and only one task can receive.

pub mod channel;
pub mod oneshot;

mod block;

pub use channel::channel;
pub use oneshot::oneshot;
