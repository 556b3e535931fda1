//! What a read of 4 KiB from the page cache costs, of a file that is read often.

use crate::counting::allocations;
use crate::messages::Counted;
use nestling::buf::{FixedPool, IoBufMut};
use nestling::fs::File;
use nestling::{Runtime, nursery};
use std::io;

const AT_A_TIME: u64 = 32;
const SIZE: usize = 4096;

/// Buffers of the task's own.
pub(super) fn plain() -> Vec<Vec<u8>> {
    (0..AT_A_TIME).map(|_| Vec::with_capacity(SIZE)).collect()
}

/// Buffers that the kernel keeps at hand.
pub(super) fn fixed() -> Vec<impl IoBufMut> {
    let pool = FixedPool::new(AT_A_TIME as usize, SIZE).expect("memory");
    // For ever, as in a server.
    let pool = Box::leak(Box::new(pool));
    (0..AT_A_TIME).map(|_| pool.take().expect("one for each")).collect()
}

/// Does so many reads.
pub(super) fn reads<B: IoBufMut>(buffers: impl FnOnce() -> Vec<B>, count: u64) -> Counted {
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let before = allocations();
    let result: io::Result<()> = runtime.block_on(async {
        // This program: it is in memory.
        let file = &File::open(std::env::current_exe()?).await?;
        nursery(async |n| {
            for mut buffer in buffers() {
                n.spawn(async move {
                    for turn in 0..count / AT_A_TIME {
                        let result;
                        (result, buffer) = file.read_at(buffer, turn % 64 * SIZE as u64).await;
                        result?;
                    }
                    Ok(())
                });
            }
            Ok(())
        })
        .await
    });
    result.expect("the file can be read");
    Counted { allocations: allocations() - before, enters: runtime.stats().enters }
}
