//! Starting and stopping: what a machine that refuses is told to say, and what is left afterwards.
//!
//! Most of these tests change what cannot be changed back (a system call filter, a limit, the
//! user), so each runs in a process of its own; see `alone.rs`. Each also asks the doctor, which
//! has to name the same cause and remedy.
//!
//! | what the machine says | the test |
//! |---|---|
//! | setup: ENOSYS, an old kernel | words only, `an_old_kernel…` |
//! | setup: ENOSYS, a kernel without io_uring | words only, `a_kernel_without…` |
//! | setup: ENOSYS by a filter | `refused::j1_a_hidden_setup…` |
//! | setup: EPERM, sysctl 1 or 2 | words only, `a_machine_that_…` |
//! | setup: EPERM by a filter | `refused::j1_a_refused_setup…` |
//! | setup: EPERM or EACCES by a security module | `refused::j1_a_setup_that_is_refused…` |
//! | setup: EINVAL, a flag is missing | words only, `the_flag_that_a_kernel_lacks…` |
//! | setup: EINVAL, whatever the flags | `refused::j1_a_setup_that_takes_no_flags…` |
//! | setup: ENOMEM, the limit of locked memory | `limits::j2_…` |
//! | setup: ENOMEM, the kernel has no memory | `refused::j2_a_kernel_without_memory…` |
//! | setup: EMFILE | `limits::j8_…`, `cores::j8_too_few_descriptors…` |
//! | setup: ENFILE | `refused::j8_the_limit_of_the_machine…` |
//! | enter or register: EPERM, ENOSYS | `refused::j7_…` |
//! | a feature or an operation is missing | words only, `what_a_kernel_lacks…`, `an_operation_…` |
//! | an answer is wrong | `refused::c18_…`, `refused::j7_an_enter_that_only_pretends…` |
//! | a feature for speed is missing | `refused::what_serves_in_place…` |
//! | threads: EAGAIN | `cores::j8_too_few_threads…`, `fewer::j8_a_limit_of_threads…` |
//! | enter, later: EBADR, EEXIST | `c2_…` and `c15_…` in `tests/runtime/fatal.rs` |
//!
//! The tests on words alone are in `runtime/src/tests/explain.rs`: a kernel's age and the settings
//! of the whole machine are not to be had in a test.

mod alone;
mod cores;
mod fewer;
mod fork;
mod idle;
mod left_behind;
mod limits;
mod refused;
mod runtimes;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod workers;
