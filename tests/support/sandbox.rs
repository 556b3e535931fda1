//! What a machine can take from a process: system calls, privileges, descriptors, memory, time.
#![expect(unsafe_code, reason = "no crate that is used here does these system calls")]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Whether a call that returns 0 or -1 went well.
fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends this process by a signal if it has not ended by itself in so many seconds.
pub(crate) fn end_after(seconds: u32) {
    // SAFETY: no pointers are passed.
    unsafe { libc::alarm(seconds) };
}

/// Has this process ignore a signal.
pub(crate) fn ignore(signal: libc::c_int) {
    // SAFETY: to ignore a signal needs no handler.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR);
}

const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_IF_SET: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

fn step(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// Has a system call answered with an error from now on, on this thread and those that it starts.
pub(crate) fn deny(call: libc::c_long, error: libc::c_int) {
    install(&mut [
        step(LOAD_WORD, 0, 0, 0), // the number of the call is first in what a filter sees
        step(JUMP_IF_EQUAL, 0, 1, call as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
}

/// The same where an argument, counted from 0, has one of these bits.
pub(crate) fn deny_where(call: libc::c_long, argument: u32, bits: u32, error: libc::c_int) {
    install(&mut [
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_IF_EQUAL, 0, 3, call as u32),
        step(LOAD_WORD, 0, 0, 16 + 8 * argument), // its lower half
        step(JUMP_IF_SET, 0, 1, bits),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
}

fn install(steps: &mut [libc::sock_filter]) {
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: no pointers are passed.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).expect("a promise");
    // SAFETY: `program` and the steps it points to live for the length of the call.
    let installed =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    check(installed).expect("a filter");
}

/// The limits of a resource.
pub(crate) fn limits(resource: libc::__rlimit_resource_t) -> libc::rlimit {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limits` is a live rlimit to be written.
    check(unsafe { libc::getrlimit(resource, &mut limits) }).expect("the limits");
    limits
}

/// Sets the soft limit of a resource. Returns the hard one.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, soft: u64) -> u64 {
    let limit = libc::rlimit { rlim_cur: soft, ..limits(resource) };
    // SAFETY: `limit` is a live rlimit to be read.
    check(unsafe { libc::setrlimit(resource, &limit) }).expect("a lower limit");
    limit.rlim_max
}

/// A mount once more, which is mounted nowhere.
pub(crate) fn detached(mount: &CStr) -> io::Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    // SAFETY: the path ends with a zero.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, mount.as_ptr(), flags) };
    match fd {
        // SAFETY: the kernel made this descriptor, and nothing else has it.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Mounts that.
pub(crate) fn attach(tree: &OwnedFd, at: &CStr) {
    let (from, flags) = (tree.as_raw_fd(), libc::MOVE_MOUNT_F_EMPTY_PATH);
    let empty = c"".as_ptr();
    // SAFETY: the paths end with a zero.
    let moved = unsafe {
        libc::syscall(libc::SYS_move_mount, from, empty, libc::AT_FDCWD, at.as_ptr(), flags)
    };
    check(moved as libc::c_int).expect("a mount");
}

/// Whether the file system has reads of what is in the page cache alone.
pub(crate) fn reads_cached(file: &impl AsRawFd) -> bool {
    let mut byte = 0_u8;
    let part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the kernel writes at most one byte, for which there is room.
    let read = unsafe { libc::preadv2(file.as_raw_fd(), &raw const part, 1, 0, libc::RWF_NOWAIT) };
    read >= 0 || io::Error::last_os_error().raw_os_error() != Some(libc::EOPNOTSUPP)
}

/// Keeps this thread, and those that it starts, to one core.
pub(crate) fn keep_to_core(id: usize) {
    // SAFETY: all bits zero is a set of no cores.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours, and the function checks the number.
    unsafe { libc::CPU_SET(id, &mut cores) };
    // SAFETY: the set lives for the length of the call, and is as long as is said.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&cores), &raw const cores) })
        .expect("a core of this machine");
}

pub(crate) fn is_root() -> bool {
    // SAFETY: no pointers are passed.
    unsafe { libc::geteuid() == 0 }
}

/// Gives up root, if that is who we are, and with it the privilege to lock memory without limit.
pub(crate) fn become_user(id: u32) {
    if !is_root() {
        return;
    }
    // SAFETY: an empty list of groups is not read.
    check(unsafe { libc::setgroups(0, std::ptr::null()) }).expect("no groups");
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setgid(id) }).expect("a group");
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setuid(id) }).expect("a user");
}

/// Opens descriptors until only so many more can be opened. Returns them with the limits, soft and
/// hard.
pub(crate) fn leave_descriptors(left: usize) -> (Vec<File>, u64, u64) {
    const SOFT: u64 = 64;
    let hard = limit(libc::RLIMIT_NOFILE, SOFT);
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                break;
            }
        }
    }
    assert!(files.len() >= left, "{SOFT} descriptors suffice for a test program");
    files.truncate(files.len() - left);
    (files, SOFT, hard)
}
