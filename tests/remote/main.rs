//! Channels between threads: first what holds for the local ones, word for word, then the threads.
//!
//! | file | what it holds |
//! |---|---|
//! | those of `tests/sync` | order, closing, cancelling, foreign combinators, a model, stress |
//! | `cores.rs` | two cores of a program; cancelling; wakers that outlive a runtime |
//! | `threads.rs` | threads without a runtime: blocking calls, many senders, order |
//! | `passed_by_others.rs` | rule 19, when another thread hands over |
//! | `races.rs` | sends against closes, hand-overs against cuts |

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
#[path = "../sync/passed_apart.rs"]
mod passed_apart;
mod passed_by_others;
#[path = "../sync/passed_over.rs"]
mod passed_over;
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
#[path = "../sync/turn_over.rs"]
mod turn_over;
#[path = "../sync/wait.rs"]
mod wait;
