//! Which kernel a core runs on is a choice of its start, not of the build.

use crate::config::Kernel;
use crate::runtime::Runtime;
use crate::time::sleep;
use crate::{inbox, op};
use std::thread;
use std::time::Duration;

fn core(kernel: Kernel) -> Runtime {
    let mut builder = Runtime::builder();
    builder.config.kernel = kernel;
    builder.build().expect("a core")
}

/// What each kernel has to do for a core: answer, tell the time, and wake it for another thread.
async fn program() -> u32 {
    op::nop().await.expect("it is answered");
    sleep(Duration::from_millis(1)).await;
    let (sender, receiver) = crate::sync::remote::oneshot();
    let other = thread::spawn(move || sender.send(7));
    let received = receiver.await.expect("it is sent");
    other.join().expect("it ends").expect("the receiver waits");
    received
}

#[test]
fn each_kernel_runs_the_same_program() {
    assert_eq!(core(Kernel::Uring).block_on(program()), 7);
    assert_eq!(core(Kernel::Modelled).block_on(program()), 7);
    assert!(inbox::current().is_none(), "both have left the thread");
}

/// The two cores share nothing, although they take turns on one thread.
#[test]
fn two_kernels_take_turns_on_one_thread() {
    let (mut real, mut modelled) = (core(Kernel::Uring), core(Kernel::Modelled));
    for round in 1..=3 {
        assert_eq!(real.block_on(program()), 7);
        assert_eq!(modelled.block_on(program()), 7);
        // The nop of each round; the real one's wakes are counted beside them.
        assert_eq!((real.stats().completed, modelled.stats().completed), (round, round));
    }
}
