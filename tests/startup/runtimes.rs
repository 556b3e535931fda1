//! Runtimes that come and go.

use crate::alone::alone;
use crate::support::descriptors;
use nestling::Runtime;
use nestling_runtime::lowlevel::nop;

#[test]
fn b10_a_thousand_runtimes_leave_no_descriptor() {
    alone("runtimes::b10_a_thousand_runtimes_leave_no_descriptor", || {
        let before = descriptors();
        for _ in 0..1_000 {
            let mut runtime = Runtime::builder().entries(8).completions(8).build().unwrap();
            runtime.block_on(nop()).unwrap();
        }
        assert_eq!(descriptors(), before);
    });
}

/// A thread can register 16 rings; those beyond are entered through their plain descriptor, and a
/// place that is given back is not another ring's.
#[test]
fn g5_more_runtimes_than_a_thread_can_register() {
    alone("runtimes::g5_more_runtimes_than_a_thread_can_register", || {
        let before = descriptors();
        let mut runtimes: Vec<_> =
            (0..40).map(|_| Runtime::builder().entries(8).build().unwrap()).collect();
        for runtime in &mut runtimes {
            runtime.block_on(nop()).unwrap();
        }
        // Every other one goes, and new ones take the places.
        let mut kept: Vec<_> = runtimes.into_iter().skip(1).step_by(2).collect();
        kept.extend((0..20).map(|_| Runtime::builder().entries(8).build().unwrap()));
        for runtime in &mut kept {
            runtime.block_on(nop()).unwrap();
            assert_eq!(runtime.stats().submitted, runtime.stats().completed);
        }
        drop(kept);
        assert_eq!(descriptors(), before);
    });
}
