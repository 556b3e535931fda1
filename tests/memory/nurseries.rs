//! Rule 16: what a nursery has in use does not grow with the children that it has had.

use crate::support::{one_at_a_time, process};
use nestling::net::TcpListener;
use nestling::{block_on, nursery};
use nestling_runtime::lowlevel::nop;
use std::io;

/// Memory that the process has in use, in KiB.
fn resident() -> u64 {
    process::kib(std::process::id(), "VmRSS:")
}

/// What a nursery has in use after this many children, 100 of them alive at once.
fn resident_after(children: usize) -> u64 {
    let result = block_on(nursery(async |n| {
        for _ in 0..children / 100 {
            let handles: Vec<_> = (0..100)
                .map(|index| {
                    n.spawn(async move {
                        let page = vec![index; 64];
                        nestling::task::yield_now().await;
                        Ok(page)
                    })
                })
                .collect();
            for (index, handle) in handles.into_iter().enumerate() {
                // Half of them are joined, the others' values are not taken.
                if index % 2 == 0 {
                    assert_eq!(handle.await?, [index; 64]);
                }
            }
        }
        Ok::<_, io::Error>(resident())
    }));
    result.expect("nothing failed")
}

#[test]
fn r16_a_million_children_leave_no_more_memory_than_ten_thousand() {
    let _one = one_at_a_time();
    let few = resident_after(10_000);
    let many = resident_after(1_000_000);
    assert!(many < few + 4096, "{few} KiB after ten thousand, {many} KiB after a million");
}

#[test]
fn r16_cancelled_operations_leave_no_memory() {
    let _one = one_at_a_time();
    let round = |rounds: usize| {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            for _ in 0..rounds {
                let result = nursery(async |n| {
                    for _ in 0..100 {
                        n.spawn(async { listener.accept().await.map(drop) });
                    }
                    nop().await?;
                    n.cancel();
                    Ok::<_, io::Error>(())
                });
                result.await.expect("only cancelled");
            }
            resident()
        })
    };
    let (few, many) = (round(20), round(1000));
    assert!(many < few + 4096, "{few} KiB after 2,000, {many} KiB after 100,000");
}
