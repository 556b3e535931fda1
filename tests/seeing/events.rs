//! Each event is told once, and in order.

use crate::support::nurseries::{E, listener, never, settle, std_connect, throw, within};
use crate::support::poll_once;
use nestling::inspect::{Ending, Event, Id, Label, Reason, instrument};
use nestling::{block_on, nursery, nursery_with, shield_for, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Runs a future with an instrument, and gives back what that was told.
pub(crate) fn told(test: impl AsyncFnOnce()) -> Vec<Event> {
    let events = Rc::new(RefCell::new(Vec::new()));
    let into = Rc::clone(&events);
    let guard = instrument(move |event| into.borrow_mut().push(*event));
    block_on(test());
    drop(guard);
    events.take()
}

/// What nurseries and tasks are called in a text.
#[derive(Default)]
struct Names(BTreeMap<Id, String>);

impl Names {
    fn add(&mut self, id: Id, label: Option<Label>, otherwise: String) -> String {
        let name = label.and_then(|label| label.name()).map_or(otherwise, str::to_owned);
        assert_eq!(self.0.insert(id, name.clone()), None, "an id is used once");
        name
    }

    fn of(&self, id: Id) -> &str {
        &self.0[&id]
    }

    fn text(&mut self, event: &Event) -> String {
        match event {
            Event::Opened { nursery, within, label } => {
                let within = self.of(within.expect("it is in a task")).to_owned();
                let name = self.add(*nursery, Some(*label), "nursery".to_owned());
                format!("{name} opened in {within}")
            }
            Event::Closed { nursery } => format!("{} closed", self.of(*nursery)),
            Event::Spawned { task, nursery: None, label: None } => {
                self.add(*task, None, "root".to_owned()) + " spawned"
            }
            Event::Spawned { task, nursery: Some(nursery), label } => {
                let of = self.of(*nursery).to_owned();
                self.add(*task, *label, format!("body of {of}")) + " spawned"
            }
            Event::PollStarted { task } => format!("{} polled", self.of(*task)),
            Event::PollEnded { task } => format!("{} rests", self.of(*task)),
            Event::Ended { task, how } => format!("{} ended: {how:?}", self.of(*task)),
            Event::Failed { nursery, task, how } => {
                format!("{} failed {}: {how:?}", self.of(task.unwrap()), self.of(*nursery))
            }
            Event::Cancelled { scope, reason } => {
                format!("{} cancelled: {reason:?}", self.of(*scope))
            }
            other => format!("{other:?}"),
        }
    }
}

fn texts(events: &[Event]) -> Vec<String> {
    let mut names = Names::default();
    events.iter().map(|event| names.text(event)).collect()
}

/// The texts of all events but polls.
fn without_polls(events: &[Event]) -> Vec<String> {
    let mut texts = texts(events);
    texts.retain(|text| !text.ends_with(" polled") && !text.ends_with(" rests"));
    texts
}

fn named() -> nestling::Options {
    nestling::Options { name: Some("shop"), ..nestling::Options::default() }
}

#[test]
fn the_life_of_a_child() {
    within(|| {
        let events = told(async || {
            let result: Result<u8, E> = nursery_with(named(), async |n| {
                let child = n.spawn_named("child", async { Ok(7) });
                Ok(child.await?)
            })
            .await;
            assert_eq!(result, Ok(7));
        });
        let expected = [
            "root spawned",
            "root polled",
            "shop opened in root",
            "body of shop spawned",
            "body of shop polled",
            "child spawned",
            "body of shop rests",
            "child polled",
            "child rests",
            "child ended: Returned",
            "body of shop polled",
            "body of shop rests",
            "body of shop ended: Returned",
            "shop closed",
            "root rests",
            "root ended: Returned",
        ];
        assert_eq!(texts(&events), expected);
    });
}

#[test]
fn a_failure_and_what_comes_of_it() {
    within(|| {
        let events = told(async || {
            let accepting = listener().await;
            let result: Result<(), E> = nursery_with(named(), async |n| {
                n.spawn_named("derived", never(&accepting));
                n.spawn_named("cut", pending::<()>());
                n.spawn_named("first", async { Err::<(), _>(E::Boom(1)) });
                n.spawn_named("unstarted", async {});
                Ok(())
            })
            .await;
            assert_eq!(result, Err(E::Boom(1)));
        });
        let said = without_polls(&events);
        let expected = [
            "first failed shop: First",
            "shop cancelled: Failure",
            "first ended: Failed",
            "unstarted ended: Unstarted",
        ];
        let of_failure = said.iter().position(|text| text == expected[0]).expect("it is told");
        let tail: Vec<_> =
            said[of_failure..].iter().filter(|t| expected.contains(&&***t)).collect();
        assert_eq!(tail, expected, "{said:#?}");
        for text in ["derived failed shop: Derived", "derived ended: Failed", "cut ended: Cut"] {
            assert_eq!(said.iter().filter(|said| *said == text).count(), 1, "{said:#?}");
        }
        assert_eq!(said.last().expect("the end"), "root ended: Returned");
    });
}

/// It was delivered nothing, so its error is its own.
#[test]
fn a_failure_that_comes_after_another_is_a_later_one() {
    within(|| {
        let events = told(async || {
            let result: Result<(), E> = nursery_with(named(), async |n| {
                n.spawn_named("later", async {
                    let mut polls = 0;
                    poll_fn(|_| {
                        polls += 1;
                        if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
                    })
                    .await;
                    Err::<(), _>(E::Boom(2))
                });
                n.spawn_named("first", async { Err::<(), _>(E::Boom(1)) });
                Ok(())
            })
            .await;
            assert_eq!(result, Err(E::Boom(1)));
        });
        let mut said = without_polls(&events);
        said.retain(|text| text.contains("failed"));
        assert_eq!(said, ["first failed shop: First", "later failed shop: Later"]);
    });
}

#[test]
fn a_panic_ends_a_child_a_body_and_a_root() {
    within(|| {
        let events = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&events);
        let guard = instrument(move |event| into.borrow_mut().push(*event));
        let thrown = catch_unwind(AssertUnwindSafe(|| {
            block_on(async {
                let result: Result<(), E> = nursery_with(named(), async |n| {
                    n.spawn_named("child", async { throw(1) });
                    settle().await;
                    Ok(())
                })
                .await;
                drop(result);
            });
        }));
        assert!(thrown.is_err());
        drop(guard);
        let events = events.take();
        let said = without_polls(&events);
        for text in ["child ended: Panicked", "shop cancelled: Failure", "root ended: Panicked"] {
            assert_eq!(said.iter().filter(|said| *said == text).count(), 1, "{said:#?}");
        }
        assert_polls_are_nested(&events);
    });
}

/// Every poll has an end, also those that panic; polls nest; and no two of a task overlap.
fn assert_polls_are_nested(events: &[Event]) {
    let mut polled = Vec::new();
    for event in events {
        match event {
            Event::PollStarted { task } => {
                assert!(!polled.contains(task));
                polled.push(*task);
            }
            Event::PollEnded { task } => assert_eq!(polled.pop(), Some(*task)),
            Event::Ended { task, .. } => {
                assert!(!polled.contains(task), "{task} ended in its poll")
            }
            _ => {}
        }
    }
    assert!(polled.is_empty());
}

/// How the child of that name ended.
fn ending(events: &[Event], name: &str) -> Option<Ending> {
    let named = |event: &Event| match event {
        Event::Spawned { task, label: Some(label), .. } if label.name() == Some(name) => {
            Some(*task)
        }
        _ => None,
    };
    let task = events.iter().find_map(named)?;
    events.iter().find_map(|event| match event {
        Event::Ended { task: ended, how } if *ended == task => Some(*how),
        _ => None,
    })
}

#[test]
fn a_destructor_that_panics_counts_as_a_panic() {
    within(|| {
        let events = told(async || {
            let thrown = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(nursery(
                async |n: &nestling::Nursery<'_, '_, E>| {
                    n.spawn_named("cut", async {
                        let _throws = crate::support::nurseries::OnDrop(|| throw(1));
                        pending::<()>().await;
                    });
                    settle().await;
                    n.cancel();
                    Ok(())
                },
            )));
            assert!(thrown.await.is_err());
        });
        assert_eq!(ending(&events, "cut"), Some(Ending::Panicked));
        assert_polls_are_nested(&events);
    });
}

#[test]
fn a_timeout_is_told_as_the_task_that_it_is_in() {
    within(|| {
        let events = told(async || {
            let result: Result<(), E> = nursery(async |n| {
                n.spawn_named("timed", async {
                    assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
                });
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
        let said = without_polls(&events);
        assert!(said.contains(&"timed cancelled: Deadline".to_owned()), "{said:#?}");
        assert!(
            events
                .iter()
                .all(|event| !matches!(event, Event::Cancelled { reason: Reason::Asked, .. }))
        );
    });
}

/// A shield is nothing that was told of, nor is a timeout in it.
#[test]
fn a_timeout_behind_a_shield_is_told_as_the_task_that_it_is_in() {
    within(|| {
        let events = told(async || {
            let result: Result<(), E> = nursery(async |n| {
                n.spawn_named("shielded", async {
                    assert!(shield_for(Duration::ZERO, pending::<()>()).await.is_err());
                });
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
        let said = without_polls(&events);
        assert!(said.contains(&"shielded cancelled: Deadline".to_owned()), "{said:#?}");
    });
}

#[test]
fn a_cancel_is_asked_for_and_acknowledged_once() {
    within(|| {
        let events = told(async || {
            let accepting = listener().await;
            let fd = accepting.as_raw_fd();
            let result: Result<(), E> = nursery(async |n| {
                n.spawn_named("accepts", never(&accepting));
                settle().await;
                n.cancel();
                n.cancel();
                Ok(())
            })
            .await;
            assert_eq!((result, fd), (Ok(()), accepting.as_raw_fd()));
        });
        let asked: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::CancelAsked { operation } => Some(("asked", *operation)),
                Event::Acknowledged { operation, interrupted: true, .. } => {
                    Some(("done", *operation))
                }
                _ => None,
            })
            .collect();
        let [("asked", asked), ("done", done)] = asked[..] else { panic!("{asked:?}") };
        assert_eq!((asked, asked.name), (done, "accept"));
        assert!(asked.descriptor.is_some());
        let owner = asked.owner.expect("its child");
        let is_child = |event: &Event| match event {
            Event::Spawned { task, label: Some(label), .. } => {
                *task == owner && label.name() == Some("accepts")
            }
            _ => false,
        };
        assert!(events.iter().any(is_child));
    });
}

#[test]
fn a_success_that_nobody_takes_is_told() {
    within(|| {
        let events = told(async || {
            let mut dropped = Box::pin(nop());
            assert!(poll_once(dropped.as_mut()).await.is_pending());
            settle().await;
            drop(dropped);
            let mut taken = pin!(nop());
            assert!(poll_once(taken.as_mut()).await.is_pending());
            taken.await.expect("it works");
        });
        let discarded: Vec<_> =
            events.iter().filter(|event| matches!(event, Event::Discarded { .. })).collect();
        let [Event::Discarded { operation, result: 0 }] = discarded[..] else {
            panic!("{discarded:?}")
        };
        assert_eq!((operation.name, operation.descriptor), ("nop", None));
    });
}

/// The connection is the next accept's.
#[test]
fn a_success_that_is_kept_for_the_next_is_not_discarded() {
    within(|| {
        let events = told(async || {
            let accepting = listener().await;
            let mut dropped = Box::pin(never(&accepting));
            assert!(poll_once(dropped.as_mut()).await.is_pending());
            let _client = std_connect(accepting.local_addr().expect("an address"));
            settle().await;
            drop(dropped);
            assert_eq!(never(&accepting).await, Ok(()));
        });
        assert!(!events.iter().any(|event| matches!(event, Event::Discarded { .. })));
    });
}

#[test]
fn a_nursery_dropped_early_cuts_its_children_and_closes() {
    within(|| {
        let events = told(async || {
            let mut early = Box::pin(nursery_with(named(), async |n| {
                n.spawn_named("child", pending::<()>());
                pending::<Result<(), E>>().await
            }));
            assert!(poll_once(early.as_mut()).await.is_pending());
            drop(early);
        });
        let said = without_polls(&events);
        let expected = [
            "root spawned",
            "shop opened in root",
            "body of shop spawned",
            "child spawned",
            "body of shop ended: Cut",
            "child ended: Cut",
            "shop closed",
            "root ended: Returned",
        ];
        assert_eq!(said, expected);
        assert_polls_are_nested(&events);
    });
}
