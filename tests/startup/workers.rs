//! J3: how many threads the kernel may start for a core.

use crate::alone::alone;
use crate::support::sandbox::deny_where;
use io_uring::IoUring;
use nestling::Runtime;
use nestling::task::yield_now;
use std::io;

/// Bits of `IORING_REGISTER_IOWQ_MAX_WORKERS`, 19, that no other call has which starting makes.
const MAX_WORKERS: u32 = 0b11;

/// The limits of this thread, for files and for all else, as any of its rings tells them.
fn limits() -> io::Result<[u32; 2]> {
    let ring = IoUring::new(1).unwrap();
    // Zero changes nothing; what was before comes back.
    let mut limits = [0, 0];
    ring.submitter().register_iowq_max_workers(&mut limits)?;
    Ok(limits)
}

#[test]
fn j3_the_kernel_starts_at_most_64_threads_of_each_kind() {
    alone("workers::j3_the_kernel_starts_at_most_64_threads_of_each_kind", || {
        let [_, before] = limits().unwrap();
        assert!(before > 64, "the kernel's own limit is the user's");
        let mut runtime = Runtime::builder().build().unwrap();
        assert_eq!(limits().unwrap(), [64, 64]);
        runtime.block_on(yield_now());
    });
}

#[test]
fn j3_a_kernel_without_such_limits_will_do() {
    alone("workers::j3_a_kernel_without_such_limits_will_do", || {
        deny_where(libc::SYS_io_uring_register, 1, MAX_WORKERS, libc::EINVAL);
        assert_eq!(limits().unwrap_err().raw_os_error(), Some(libc::EINVAL));
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(yield_now());
    });
}
