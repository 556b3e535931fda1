//! Rule 16: results go with their handles, and children leave nothing behind.
//!
//! The memory of a process is measured in `tests/nursery_descriptors.rs`, which has it to itself.

use crate::support::nurseries::{Count, E, OnDrop, run, settle};
use nestling::{JoinHandle, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::mem::forget;

#[test]
fn r16_a_value_without_a_handle_is_dropped_at_once() {
    run(async || {
        let dropped = &Count::default();
        let result = nursery(async |n| {
            drop(n.spawn(async { Ok(OnDrop(|| dropped.one())) }));
            settle().await;
            assert_eq!((n.len(), dropped.get()), (0, 1), "while the nursery is open");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r16_a_value_is_kept_while_there_is_a_handle_and_goes_with_it() {
    run(async || {
        let dropped = &Count::default();
        let result = nursery(async |n| {
            let handle = n.spawn(async { Ok(OnDrop(|| dropped.one())) });
            settle().await;
            assert_eq!((handle.is_finished(), dropped.get()), (true, 0));
            drop(handle);
            assert_eq!(dropped.get(), 1);
            let value = n.spawn(async { Ok(OnDrop(|| dropped.one())) }).await?;
            assert_eq!(dropped.get(), 1);
            drop(value);
            assert_eq!(dropped.get(), 2);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r16_a_handle_that_goes_while_the_child_runs() {
    run(async || {
        let dropped = &Count::default();
        let result = nursery(async |n| {
            let handle = n.spawn(async {
                settle().await;
                Ok(OnDrop(|| dropped.one()))
            });
            nop().await?;
            drop(handle);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(dropped.get(), 1);
    });
}

/// What a child captured goes when it ends, though its handle lives on.
#[test]
fn r16_captures_go_at_the_end_of_the_child() {
    run(async || {
        let dropped = &Count::default();
        let result = nursery(async |n| {
            let captured = OnDrop(|| dropped.one());
            let handle = n.spawn(async move {
                let _captured = captured;
                Ok(3)
            });
            settle().await;
            assert_eq!(dropped.get(), 1);
            assert_eq!(handle.await, Ok(3));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r16_a_handle_dropped_inside_the_child_that_it_belongs_to() {
    run(async || {
        let dropped = &Count::default();
        let result = nursery(async |n| {
            let slot = std::rc::Rc::new(Cell::new(None::<JoinHandle<'_, _>>));
            let own = std::rc::Rc::clone(&slot);
            let handle = n.spawn(async move {
                nop().await?;
                drop(own.take());
                nop().await?;
                Ok(OnDrop(|| dropped.one()))
            });
            slot.set(Some(handle));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn r16_a_forgotten_handle_keeps_its_value_and_nothing_else() {
    run(async || {
        let (dropped, captured) = (&Count::default(), &Count::default());
        let result = nursery(async |n| {
            let local = OnDrop(|| captured.one());
            forget(n.spawn(async move {
                let _local = local;
                Ok(OnDrop(|| dropped.one()))
            }));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!((captured.get(), dropped.get()), (1, 0));
    });
}

#[test]
fn r16_a_loop_does_not_accumulate_finished_children() {
    let most = run(async || {
        let result = nursery(async |n| {
            let mut most = 0;
            for _ in 0..1000 {
                n.spawn(async { Ok([0u8; 64]) });
                nop().await?;
                most = most.max(n.len());
            }
            Ok::<_, E>(most)
        });
        result.await.expect("nothing failed")
    });
    assert!(most <= 2, "{most} at once");
}

#[test]
fn r16_values_of_every_size_and_alignment() {
    #[derive(Debug, PartialEq)]
    #[repr(align(4096))]
    struct Page(u8);
    run(async || {
        let result = nursery(async |n| {
            let nothing = n.spawn(async {});
            let page = n.spawn(async { Ok(Page(7)) });
            let large = n.spawn(async {
                let large = [3u8; 100_000];
                nop().await?;
                Ok(large)
            });
            let text = n.spawn(async { Ok(String::from("text")) });
            nothing.await?;
            assert_eq!(page.await?, Page(7));
            assert!(large.await?.iter().all(|byte| *byte == 3));
            assert_eq!(text.await?, "text");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
