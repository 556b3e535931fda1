//! Buffers that come back on other threads: each wakes the receive that stands in line for it.

use super::{Handed, check, join, start};
use crate::pool::{self, Pool};
use crate::sys::shared::kernel::Conduct;
use loom::thread;
use std::future::poll_fn;
use std::task::Poll;

/// The only buffer is dropped on another thread, twice, while the core comes to wait for it.
#[test]
fn a_buffer_that_comes_back_elsewhere_is_for_the_first_in_line() {
    check(Some(2), Conduct::default(), || {
        let handed = [Handed::new(), Handed::new()];
        let core = start({
            let handed = handed.clone();
            move |mut runtime| {
                runtime.block_on(async {
                    let pool = Pool::new(1, 8).expect("there is memory");
                    let buffers = pool::choose(Some(&pool)).expect("it is of this core");
                    let mut buffer = buffers.named(0, None).expect("the kernel has it");
                    for handed in &handed {
                        handed.give(buffer);
                        let place = buffers.stand_in_line();
                        let next = poll_fn(|cx| {
                            place.wait(cx);
                            place.take().map_or(Poll::Pending, Poll::Ready)
                        });
                        buffer = next.await;
                    }
                });
            }
        });
        let other = thread::spawn(move || handed.iter().for_each(|handed| drop(handed.take())));
        join([core, other]);
    });
}
