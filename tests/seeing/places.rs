//! Where a snapshot can be taken: anywhere.

use crate::dump::named;
use crate::support::nurseries::{E, OnDrop, listener, never, run, settle, within};
use crate::support::poll_once;
use nestling::inspect::{Node, State, Wait};
use nestling::time::sleep;
use nestling::{block_on, dump_tree, nursery};
use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

#[test]
fn outside_a_runtime_there_is_nothing() {
    within(|| {
        assert!(dump_tree().nodes().is_empty());
        assert_eq!(dump_tree().to_string(), "no nestling runtime runs on this thread");
        block_on(async {
            assert!(!dump_tree().nodes().is_empty());
            let elsewhere = std::thread::spawn(|| dump_tree().nodes().len());
            assert_eq!(elsewhere.join().expect("it does not panic"), 0);
        });
        assert!(dump_tree().nodes().is_empty());
    });
}

#[test]
fn in_a_child_that_child_runs() {
    run(async || {
        let result: Result<(), E> = nursery(async |n| {
            let looked = n.spawn_named("looks", async { Ok(dump_tree()) });
            let tree = looked.await?;
            assert_eq!(named(&tree, "looks").state(), State::Running);
            assert!(named(&tree, "looks").waits().is_empty());
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

/// A destructor in each of the places where one runs: in a cut, with a failed child, with an early
/// drop of the whole nursery.
#[test]
fn in_a_destructor() {
    run(async || {
        let accepting = listener().await;
        let looked = Cell::new(0);
        let look =
            || OnDrop(|| looked.set(looked.get() + usize::from(dump_tree().nodes().len() > 1)));
        let result: Result<(), E> = nursery(async |n| {
            n.spawn(async {
                let _looks = look();
                never(&accepting).await
            });
            n.spawn(async {
                let _looks = look();
                pending::<()>().await;
            });
            n.spawn(async {
                let _looks = look();
                settle().await;
                Err::<(), _>(E::Boom(1))
            });
            Ok(())
        })
        .await;
        assert_eq!((result, looked.get()), (Err(E::Boom(1)), 3));
        {
            let mut early = pin!(nursery(async |n| {
                n.spawn(async {
                    let _looks = look();
                    never(&accepting).await
                });
                pending::<Result<(), E>>().await
            }));
            assert!(poll_once(early.as_mut()).await.is_pending());
        }
        assert_eq!(looked.get(), 4);
    });
}

/// A foreign waker is woken from the middle of a dispatch, and from the expiry of a timer.
#[test]
fn in_a_foreign_waker() {
    struct Looks(AtomicUsize);
    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(dump_tree().nodes().len(), Ordering::SeqCst);
        }
    }
    run(async || {
        let looks = Arc::new(Looks(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&looks));
        let mut sleep = Box::pin(sleep(Duration::from_millis(1)));
        let mut nop = Box::pin(nestling_runtime::lowlevel::nop());
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(nop.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        while looks.0.load(Ordering::SeqCst) < 2 {
            nestling::task::yield_now().await;
        }
    });
}

#[test]
fn five_thousand_nurseries_deep() {
    async fn nest(depth: usize) -> Result<(), E> {
        Box::pin(nursery(async |n| {
            if depth == 0 {
                let tree = dump_tree();
                let deepest = tree.nodes().iter().map(Node::depth).max();
                assert_eq!(deepest, Some(10_002));
                let printed = format!("{tree:#}");
                assert!(printed.lines().any(|line| line.starts_with("[level 10002] body")));
                assert!(tree.to_string().ends_with("more nodes; `{:#}` prints all"));
                return Ok(());
            }
            n.spawn(pending::<()>());
            let result = Box::pin(nest(depth - 1)).await;
            n.cancel();
            result
        }))
        .await
    }
    // The stack is for the polls of this test's own recursion.
    let thread = std::thread::Builder::new().stack_size(1 << 30);
    let thread = thread.spawn(|| block_on(nest(5_000)));
    assert_eq!(thread.expect("memory").join().expect("no overflow"), Ok(()));
}

#[test]
fn ten_thousand_children() {
    run(async || {
        let accepting = listener().await;
        let result: Result<(), E> = nursery(async |n| {
            for number in 0..10_000 {
                match number % 2 {
                    0 => n.spawn(async { never(&accepting).await }),
                    _ => n.spawn(async {
                        sleep(Duration::MAX).await;
                        Ok(())
                    }),
                };
            }
            settle().await;
            let tree = dump_tree();
            assert_eq!((tree.nodes().len(), tree.nodes()[1].children()), (10_003, 10_000));
            let accepts = |wait: &Wait| matches!(wait, Wait::Operation { name: "accept", .. });
            let accepting = tree.nodes().iter().filter(|node| node.waits().iter().any(accepts));
            assert_eq!(accepting.count(), 5_000);
            let printed = tree.to_string();
            assert!(printed.lines().count() < 30, "{printed}");
            let last = printed.lines().last().expect("a line");
            assert_eq!(last, "   └─ … and 9984 more: 4992 accept; 4992 timer");
            assert_eq!(format!("{tree:#}").lines().count(), 10_003);
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}
