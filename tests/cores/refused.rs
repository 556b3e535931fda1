//! A child for which there is no room on its way to another core.

use crate::spawn_on::first;
use nestling::{is_cancelled, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{Error, ErrorKind};
use std::task::Poll;

/// As many operations as may be in flight on a core.
const LIMIT: usize = 1 << 20;

#[test]
fn g8_a_child_beyond_the_limit_is_refused_in_its_handle() {
    let result = first(async || {
        let all = RefCell::new(Vec::from_iter((0..LIMIT).map(|_| Box::pin(nop()))));
        poll_fn(|cx| {
            let mut all = all.borrow_mut();
            assert!(all.iter_mut().all(|nop| nop.as_mut().poll(cx).is_pending()));
            Poll::Ready(())
        })
        .await;
        // Without a handle: the nursery is no success, and nothing else is stopped.
        let lost = nursery(async |n| {
            drop(n.spawn_on(1, async || Ok::<_, Error>(())));
            assert_eq!(n.spawn(async { Ok(1) }).await?, 1);
            Ok::<_, Error>(())
        });
        assert!(is_cancelled(&lost.await.unwrap_err()));
        nursery(async |n| {
            let child = n.spawn_on(1, async || Ok::<_, Error>(2));
            let other = n.spawn(async { Ok(3) });
            let refused = child.await.unwrap_err();
            assert!(refused.is_refused());
            let error = Error::from(refused);
            assert_eq!((error.kind(), is_cancelled(&error)), (ErrorKind::QuotaExceeded, false));
            // The nursery goes on, and tries again when there is room.
            all.take();
            assert!(!n.is_cancelled());
            Ok(other.await? + n.spawn_on(1, async || Ok::<_, Error>(2)).await?)
        })
        .await
    });
    assert_eq!(result.unwrap(), 5);
}
