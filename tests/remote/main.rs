//! Channels between threads: first what holds for the local ones, word for word, then the threads.
//!
//! | file | what it holds |
//! |---|---|
//! | those of `tests/sync` | order, closing, cancelling, foreign combinators, a model, stress |
//! | `cores.rs` | two cores of a program; cancelling; wakers that outlive a runtime |
//! | `threads.rs` | threads without a runtime: blocking calls, many senders, order |
//! | `races.rs` | sends against closes, hand-overs against cuts |

#![expect(unsafe_code, reason = "wakers that come back")]

#[path = "../sync/cancelling.rs"]
mod cancelling;
#[path = "../sync/channel.rs"]
mod channel;
mod cores;
#[path = "../sync/foreign.rs"]
mod foreign;
#[path = "../sync/many.rs"]
mod many;
#[path = "../sync/oneshot.rs"]
mod oneshot;
#[path = "../sync/properties.rs"]
mod properties;
mod races;
#[path = "../sync/stress.rs"]
mod stress;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod tested;
mod threads;
#[path = "../sync/wait.rs"]
mod wait;

/// A generator whose state is its seed (splitmix64).
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}
