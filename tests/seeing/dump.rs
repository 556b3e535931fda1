//! `dump_tree` says what each task waits for: operation, descriptor, timer, join, nursery.

use crate::support::nurseries::{E, inode, listener, never, pair, run, settle};
use crate::support::sockets::fill_send_side;
use nestling::inspect::{Kind, Node, Reason, State, Tree, Wait};
use nestling::time::sleep;
use nestling::{dump_tree, nursery, timeout};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::os::fd::AsRawFd;
use std::task::Poll;
use std::time::Duration;

/// The child of that name.
#[track_caller]
pub(crate) fn named<'t>(tree: &'t Tree, name: &str) -> &'t Node {
    let named = |node: &&Node| node.label().is_some_and(|label| label.name() == Some(name));
    tree.nodes().iter().find(named).unwrap_or_else(|| panic!("no {name:?} in\n{tree}"))
}

/// The one operation that a node waits for: name, descriptor, cancel asked, detached.
#[track_caller]
fn operation(node: &Node) -> (&'static str, Option<i32>, bool, bool) {
    match node.waits() {
        [Wait::Operation { name, descriptor, cancel_asked, detached, .. }] => {
            (name, *descriptor, cancel_asked.is_some(), *detached)
        }
        other => panic!("one operation was expected: {other:?}"),
    }
}

#[test]
fn an_operation_is_named_with_its_descriptor() {
    run(async || {
        let accepting = listener().await;
        let (reading, _other_end) = pair().await;
        let (writing, _full) = pair().await;
        fill_send_side(&writing);
        let result: Result<(), E> = nursery(async |n| {
            n.spawn_named("accepts", never(&accepting));
            n.spawn_named("receives", async { Ok(reading.read(vec![0; 8]).await.0.map(drop)?) });
            n.spawn_named("sends", async { Ok(writing.write(vec![0; 8]).await.0.map(drop)?) });
            settle().await;
            let tree = dump_tree();
            for (child, name, fd) in [
                ("accepts", "accept", accepting.as_raw_fd()),
                ("receives", "recv", reading.as_raw_fd()),
                ("sends", "send", writing.as_raw_fd()),
            ] {
                let node = named(&tree, child);
                assert_eq!((node.kind(), node.state()), (Kind::Child, State::Waiting));
                assert_eq!(operation(node), (name, Some(fd), false, false), "{tree}");
            }
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn timers_joins_nurseries_and_wakers_are_told_apart() {
    run(async || {
        let accepting = listener().await;
        let result: Result<(), E> = nursery(async |n| {
            let sleeper = n.spawn_named("sleeps", sleep(Duration::from_secs(1000)));
            n.spawn_named("joins", async { sleeper.await.map_err(E::from) });
            n.spawn_named("hears nothing", pending::<()>());
            n.spawn_named("timed", async {
                let _ = timeout(Duration::from_secs(1000), never(&accepting)).await;
            });
            n.spawn_named("nests", async {
                nursery(async |inner| {
                    inner.spawn_named("nested", pending::<()>());
                    Ok::<_, E>(())
                })
                .await
            });
            settle().await;
            let tree = dump_tree();
            let [Wait::Timer { left }] = named(&tree, "sleeps").waits() else { panic!("{tree}") };
            assert!(*left > Duration::ZERO && *left <= Duration::from_secs(1000));
            let [Wait::Join { child, label }] = named(&tree, "joins").waits() else {
                panic!("{tree}")
            };
            assert_eq!((*child, label.name()), (named(&tree, "sleeps").id(), Some("sleeps")));
            assert_eq!(named(&tree, "hears nothing").waits(), [Wait::Waker]);
            let timed = named(&tree, "timed").waits();
            assert!(timed.iter().any(|wait| matches!(wait, Wait::Timer { .. })), "{tree}");
            let accepts = |wait: &Wait| matches!(wait, Wait::Operation { name: "accept", .. });
            assert!(timed.iter().any(accepts), "{tree}");
            let nested = named(&tree, "nested");
            let nursery = &tree.nodes()[nested.parent().expect("it is in a nursery")];
            assert_eq!((nursery.kind(), nursery.children()), (Kind::Nursery, 1));
            assert_eq!(named(&tree, "nests").waits(), [Wait::Nursery(nursery.id())]);
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn a_foreign_combinator_hides_no_timer_and_no_operation() {
    run(async || {
        let accepting = listener().await;
        let result: Result<(), E> = nursery(async |n| {
            n.spawn_named("all", async {
                let of_kinds = futures_util::future::join_all([
                    Box::pin(async { drop(never(&accepting).await) }) as std::pin::Pin<Box<_>>,
                    Box::pin(sleep(Duration::MAX)) as std::pin::Pin<Box<dyn Future<Output = ()>>>,
                ]);
                of_kinds.await;
            });
            settle().await;
            let tree = dump_tree();
            let waits = named(&tree, "all").waits();
            assert!(
                matches!(waits, [Wait::Operation { name: "accept", .. }, Wait::Timer { .. }]),
                "{tree}"
            );
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn the_ready_and_the_running_are_told_apart() {
    run(async || {
        let result: Result<(), E> = nursery(async |n| {
            n.spawn_named("ready", async {});
            let tree = dump_tree();
            assert_eq!(named(&tree, "ready").state(), State::Ready);
            let states: Vec<_> = tree.nodes().iter().map(|it| (it.kind(), it.state())).collect();
            assert_eq!(states[0], (Kind::Root, State::Running));
            assert_eq!(states[1], (Kind::Nursery, State::Open));
            assert_eq!(states[2], (Kind::Body, State::Running));
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn siblings_stand_from_the_oldest_to_the_youngest_and_ages_agree() {
    run(async || {
        let result: Result<(), E> = nursery(async |n| {
            for _ in 0..100 {
                n.spawn(pending::<()>());
            }
            // Well over a tick of the coarse clock.
            sleep(Duration::from_millis(30)).await;
            n.spawn(pending::<()>());
            let tree = dump_tree();
            let children: Vec<_> =
                tree.nodes().iter().filter(|node| node.kind() == Kind::Child).collect();
            assert_eq!(children.len(), 101);
            assert!(children.is_sorted_by_key(|child| child.id()));
            let age = |at: usize| children[at].age().expect("children have one");
            assert!(age(0) >= age(100) + Duration::from_millis(10), "{tree}");
            assert_eq!(age(0), age(99), "they were spawned in one turn");
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

/// The body is the last that is polled for the last time: it sees the others kept by what the
/// kernel has not answered yet.
#[test]
fn a_cancelled_child_says_by_what_it_is_kept() {
    run(async || {
        let accepting = listener().await;
        let seen = Cell::new(None);
        let result: Result<(), E> = nursery(async |n| {
            n.spawn_named("kept", never(&accepting));
            n.spawn_named("fails", async {
                settle().await;
                Err::<(), _>(E::Boom(1))
            });
            poll_fn(|_| {
                if n.is_cancelled() {
                    seen.set(Some(dump_tree()));
                }
                Poll::<()>::Pending
            })
            .await;
            Ok(())
        })
        .await;
        assert_eq!(result, Err(E::Boom(1)));
        let tree = seen.into_inner().expect("the body was polled once more");
        let kept = named(&tree, "kept");
        assert_eq!((kept.state(), kept.cancelled()), (State::Waiting, Some(Reason::Ancestor)));
        let fd = Some(accepting.as_raw_fd());
        assert_eq!(operation(kept), ("accept", fd, true, false), "{tree}");
        assert_eq!(tree.nodes()[1].cancelled(), Some(Reason::Failure));
    });
}

/// A descriptor that was dropped: its close belongs to the nursery, and is shown there until the
/// kernel has done it.
#[test]
fn what_a_nursery_has_adopted_is_shown_with_it() {
    run(async || {
        let (stream, _other_end) = pair().await;
        let (fd, socket) = (stream.as_raw_fd(), inode(&stream));
        let result: Result<(), E> = nursery(async |n| {
            let ended = n.spawn(async move {
                drop(stream);
                Ok(())
            });
            ended.await?;
            let tree = dump_tree();
            let nursery = &tree.nodes()[1];
            assert_eq!(operation(nursery), ("close", Some(fd), false, true), "{tree}");
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
        assert!(!crate::support::nurseries::is_open(&socket));
    });
}

#[test]
fn a_forgotten_nursery_is_called_so() {
    run(async || {
        let result: Result<(), E> = nursery(async |n| {
            let forgets = n.spawn(async {
                let mut lost = Box::pin(nursery(async |lost| {
                    lost.spawn_named("lost", pending::<()>());
                    pending::<Result<(), E>>().await
                }));
                assert!(crate::support::poll_once(lost.as_mut()).await.is_pending());
                std::mem::forget(lost);
                Ok(())
            });
            forgets.await?;
            let tree = dump_tree();
            let lost = named(&tree, "lost");
            let nursery = &tree.nodes()[lost.parent().expect("it is in a nursery")];
            assert_eq!((nursery.depth(), nursery.state()), (2, State::Forgotten), "{tree}");
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn a_nursery_that_another_task_polls_is_not_called_forgotten() {
    run(async || {
        let moved = RefCell::new(None);
        let result: Result<(), E> = nursery(async |n| {
            let opens = n.spawn(async {
                let mut inner = Box::pin(nursery(async |inner| {
                    inner.spawn_named("moved", pending::<()>());
                    pending::<Result<(), E>>().await
                }));
                assert!(crate::support::poll_once(inner.as_mut()).await.is_pending());
                moved.replace(Some(inner));
                Ok(())
            });
            opens.await?;
            let state = || {
                let tree = dump_tree();
                let parent = named(&tree, "moved").parent().expect("it is in a nursery");
                (tree.nodes()[parent].state(), tree.to_string())
            };
            let (before, text) = state();
            assert_eq!(before, State::Forgotten, "{text}");
            assert!(text.contains("forgotten or set aside"), "{text}");
            let mut inner = moved.take().expect("it was left there");
            assert!(crate::support::poll_once(inner.as_mut()).await.is_pending());
            let (after, text) = state();
            assert_eq!(after, State::Moved, "{text}");
            assert!(text.contains("moved to another task"), "{text}");
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

/// A nursery that was moved out of the child that opened it, and then dropped.
#[test]
fn what_has_ended_is_gone() {
    run(async || {
        let moved = RefCell::new(None);
        let result: Result<(), E> = nursery(async |n| {
            let opens = n.spawn(async {
                let mut inner = Box::pin(nursery(async |inner| {
                    inner.spawn_named("moved", pending::<()>());
                    pending::<Result<(), E>>().await
                }));
                assert!(crate::support::poll_once(inner.as_mut()).await.is_pending());
                moved.replace(Some(inner));
                Ok(())
            });
            opens.await?;
            assert_eq!(named(&dump_tree(), "moved").depth(), 3, "below no child");
            drop(moved.take());
            let tree = dump_tree();
            let kinds: Vec<_> = tree.nodes().iter().map(Node::kind).collect();
            assert_eq!(kinds, [Kind::Root, Kind::Nursery, Kind::Body], "{tree}");
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn a_race_shows_both_operations_and_the_loser_as_detached() {
    run(async || {
        let accepting = listener().await;
        let trees = RefCell::new(Vec::new());
        let result: Result<(), E> = nursery(async |n| {
            n.spawn_named("racing", async {
                let mut first = Box::pin(never(&accepting));
                let mut second = Box::pin(never(&accepting));
                poll_fn(|cx| {
                    assert!(first.as_mut().poll(cx).is_pending());
                    assert!(second.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
                settle().await;
                trees.borrow_mut().push(dump_tree());
                drop(first);
                trees.borrow_mut().push(dump_tree());
                Err::<(), _>(E::Boom(2))
            });
            Ok(())
        })
        .await;
        assert_eq!(result, Err(E::Boom(2)));
        let trees = trees.into_inner();
        let told: Vec<Vec<_>> = trees
            .iter()
            .map(|tree| {
                let waits = named(tree, "racing").waits().iter();
                let asked = waits.map(|wait| match wait {
                    Wait::Operation { name, cancel_asked, detached, .. } => {
                        (*name, cancel_asked.is_some(), *detached)
                    }
                    other => panic!("an operation was expected: {other:?}"),
                });
                asked.collect()
            })
            .collect();
        assert_eq!(told[0], [("accept", false, false), ("accept", false, false)]);
        assert_eq!(told[1], [("accept", true, true), ("accept", false, false)]);
    });
}
