//! Descriptors: what waits for one to have one owner left.

use crate::fd::SharedFd;
use std::fs;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts its wakes.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn shared() -> SharedFd {
    SharedFd::new(fs::File::open("/dev/null").expect("it is there").into())
}

#[test]
fn the_last_owner_but_one_wakes_what_waits_once() {
    let counting = Arc::new(Counting::default());
    let waker = Waker::from(Arc::clone(&counting));
    let (fd, others) = (shared(), shared());
    let number = fd.as_raw_fd();
    let users = [fd.clone(), fd.clone()];
    let mut sole = pin!(fd.into_sole());
    for _ in 0..3 {
        assert!(sole.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let [one, other] = users;
    drop((one, others));
    assert_eq!(counting.0.load(Ordering::SeqCst), 0);
    drop(other);
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
    let Poll::Ready(fd) = sole.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("it is the only owner")
    };
    assert_eq!(fd.as_raw_fd(), number);
}

/// The wait is given up, before or after the other owners are gone: no waker is kept, and the
/// descriptor is closed once.
#[test]
fn a_wait_that_is_given_up_keeps_no_waker() {
    for others_first in [false, true] {
        let counting = Arc::new(Counting::default());
        let waker = Waker::from(Arc::clone(&counting));
        let fd = shared();
        let user = fd.clone();
        let mut sole = Box::pin(fd.into_sole());
        assert!(sole.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        if others_first {
            drop(user);
            drop(sole);
        } else {
            drop(sole);
            drop(user);
        }
        drop(waker);
        assert_eq!(Arc::strong_count(&counting), 1);
    }
}
