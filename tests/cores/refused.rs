//! A child for which there is no room on its way to another core.

use crate::spawn_on::first;
use nestling::{is_cancelled, nursery, nursery_all};
use nestling_runtime::lowlevel::nop;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{Error, ErrorKind};
use std::task::Poll;

/// As many operations as may be in flight on a core.
const LIMIT: usize = 1 << 20;

fn assert_refused(error: &Error) {
    assert_eq!((error.kind(), is_cancelled(error)), (ErrorKind::QuotaExceeded, false));
}

#[test]
fn g8_a_child_beyond_the_limit_is_refused_in_its_handle_or_by_its_nursery() {
    let result = first(async || {
        let all = RefCell::new(Vec::from_iter((0..LIMIT).map(|_| Box::pin(nop()))));
        poll_fn(|cx| {
            let mut all = all.borrow_mut();
            assert!(all.iter_mut().all(|nop| nop.as_mut().poll(cx).is_pending()));
            Poll::Ready(())
        })
        .await;
        // Without a handle: the nursery says so, and nothing else is stopped.
        let lost = nursery(async |n| {
            drop(n.spawn_on(1, async || Ok::<_, Error>(())));
            assert_eq!(n.spawn(async { Ok(1) }).await?, 1);
            Ok::<_, Error>(())
        });
        assert_refused(&lost.await.unwrap_err());
        // With one that is never awaited, the same.
        let kept = nursery(async |n| {
            let _child = n.spawn_on(1, async || Ok::<_, Error>(()));
            assert_eq!(n.spawn(async { Ok(1) }).await?, 1);
            Ok::<_, Error>(())
        });
        assert_refused(&kept.await.unwrap_err());
        let every = nursery_all(async |n| {
            drop(n.spawn_on(1, async || Ok::<_, Error>(())));
            Ok(())
        });
        assert!(every.await.unwrap_err().cancelled());
        nursery(async |n| {
            let child = n.spawn_on(1, async || Ok::<_, Error>(2));
            let other = n.spawn(async { Ok(3) });
            let refused = child.await.unwrap_err();
            assert!(refused.is_refused());
            assert_refused(&Error::from(refused));
            // The nursery goes on, and tries again when there is room.
            all.take();
            assert!(!n.is_cancelled());
            Ok(other.await? + n.spawn_on(1, async || Ok::<_, Error>(2)).await?)
        })
        .await
    });
    assert_eq!(result.unwrap(), 5);
}
