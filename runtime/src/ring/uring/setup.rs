//! Makes a ring and proves that it works, before a driver depends on it.
//!
//! The flags are those under which completions run only inside this thread's own `enter`. A flag
//! that newer kernels have for speed alone is dropped when the kernel does not know it; without
//! the others nothing runs, and the error says so.

use super::enter::Door;
use super::mapped::Mapped;
use super::registered::Registered;
use super::{Switch, Uring, encode, explain, ladder};
use crate::config::{Config, KERNEL_WORKERS};
use crate::diagnosis::Facts;
use crate::key::Key;
use crate::ring::{Batch, Capability, EnterWait, Request, Submission};
use io_uring::{IoUring, Probe};
use std::io;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

/// What has to go well for a ring to be made, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Setup,
    Features,
    Operations,
    Enter,
}

impl Step {
    /// Each step, with its name and the words for one that went well.
    pub(crate) const ALL: [(Self, &str, &str); 4] = [
        (Self::Setup, "io_uring_setup", "with DEFER_TASKRUN and the other flags that are needed"),
        (Self::Features, "features", "all that are needed"),
        (Self::Operations, "operations", "all that are in use, asked with io_uring_register"),
        (Self::Enter, "io_uring_enter", "a no-operation was answered"),
    ];
}

/// Tells `passed` of each step that went well; the error is that of the next one.
pub(super) fn open(
    config: &Config,
    needed: &[Capability],
    passed: &mut dyn FnMut(Step),
) -> io::Result<Uring> {
    let (uring, direct) = build(config)?;
    passed(Step::Setup);
    check_features(&uring)?;
    passed(Step::Features);
    let capable = check_operations(&uring, needed)?;
    passed(Step::Operations);
    limit_workers(&uring);
    let absolute = uring.params().is_feature_min_timeout();
    let idle = uring.params().is_feature_no_iowait();
    let door = Door::new(uring.as_raw_fd(), absolute, idle);
    let (uring, registered) = (Mapped::new(uring), Registered::default());
    let mut ring = Uring { door, uring, direct, capable, registered };
    round_trip(&mut ring)?;
    passed(Step::Enter);
    Ok(ring)
}

/// The pause before each further attempt to make a ring for which the user has no locked memory
/// left. The kernel gives the memory of a closed ring back when it has got round to it, and nothing
/// tells when: 24 to 43 ms later on an idle machine, for 6 rings as for 55.
const PAUSE: Duration = Duration::from_millis(5);
/// Pauses before the error: a second. Others wait for the same memory, such as the tests of a
/// suite that run side by side, and long pauses would lose every race against them.
const PAUSES: u32 = 200;

fn build(config: &Config) -> io::Result<(IoUring, bool)> {
    let mut pauses = 0;
    loop {
        let error = match attempt(config) {
            Ok(uring) => return Ok(uring),
            Err(error) => error,
        };
        if error.raw_os_error() == Some(libc::EINVAL) {
            return Err(ladder::explain(&Facts::read()));
        }
        let facts = Facts::read();
        let lacks_memory = error.raw_os_error() == Some(libc::ENOMEM);
        if !lacks_memory || !explain::may_pass(config, &facts) || pauses == PAUSES {
            return Err(explain::setup(&error, config, &facts, Switch::read()));
        }
        pauses += 1;
        thread::sleep(PAUSE);
    }
}

/// A ring, and whether its entries need no index.
fn attempt(config: &Config) -> io::Result<(IoUring, bool)> {
    // NO_SQARRAY (6.6) only saves a load an entry.
    match ladder::builder(config).setup_no_sqarray().build(config.entries) {
        Ok(uring) => Ok((uring, true)),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            Ok((ladder::builder(config).build(config.entries)?, false))
        }
        Err(error) => Err(error),
    }
}

fn check_features(uring: &IoUring) -> io::Result<()> {
    let params = uring.params();
    let needed = [
        (params.is_feature_nodrop(), "IORING_FEAT_NODROP", "5.5"),
        (params.is_feature_submit_stable(), "IORING_FEAT_SUBMIT_STABLE", "5.5"),
        (params.is_feature_ext_arg(), "IORING_FEAT_EXT_ARG", "5.11"),
        (params.is_feature_skip_cqe_on_success(), "IORING_FEAT_CQE_SKIP", "5.17"),
    ];
    match needed.iter().find(|(present, ..)| !present) {
        Some((_, name, since)) => Err(explain::lacks(name, since, &Facts::read())),
        None => Ok(()),
    }
}

/// What the ring is capable of: all that is needed, and what there is of the optional.
fn check_operations(uring: &IoUring, needed: &[Capability]) -> io::Result<Vec<Capability>> {
    let mut probe = Probe::new();
    uring
        .submitter()
        .register_probe(&mut probe)
        .map_err(|error| explain::half_blocked("io_uring_register", &error, &Facts::read()))?;
    let supports = |code| probe.is_supported(code);
    if let Some((name, since)) = lacking(needed, supports) {
        return Err(explain::lacks(name, since, &Facts::read()));
    }
    let optional = Capability::OPTIONAL.iter().filter(|one| lacking(&[**one], supports).is_none());
    Ok(needed.iter().chain(optional).copied().collect())
}

/// Limits the threads that the kernel starts for this one, whichever of its rings they work for.
fn limit_workers(uring: &IoUring) {
    // Without it the kernel's own limits hold, which is no reason not to start.
    let _ = uring.submitter().register_iowq_max_workers(&mut KERNEL_WORKERS.clone());
}

/// The first operation that is needed and not supported, and the release that brought it.
pub(super) fn lacking(
    needed: &[Capability],
    supports: impl Fn(u8) -> bool,
) -> Option<(&'static str, &'static str)> {
    let mut operations = needed.iter().map(|capability| encode::operation(*capability));
    let missing = operations.find(|(code, ..)| !supports(*code));
    missing.map(|(_, name, since)| (name, since))
}

/// Times that the kernel is entered for one answer.
const PATIENCE: u32 = 1_000;

/// A filter may let the other two calls pass and stop `enter`: only an operation shows it.
fn round_trip(ring: &mut Uring) -> io::Result<()> {
    let mut nop = Some(Submission { key: Key::op(0, 0), request: Request::Nop });
    // SAFETY: a no-operation has no pointers.
    unsafe { ring.push(|| nop.take()) };
    let mut completions = Vec::new();
    // Signals and short memory cost a turn each; a call that only ever pretends costs them all.
    for _ in 0..PATIENCE {
        if !completions.is_empty() {
            break;
        }
        ring.enter(EnterWait::Forever, Batch::FIRST)
            .map_err(|error| explain::half_blocked("io_uring_enter", &error, &Facts::read()))?;
        ring.reap(&mut completions);
    }
    match completions.as_slice() {
        [completion] if completion.result == 0 => Ok(()),
        [] => Err(explain::misbehaves("a no-operation is never answered", &Facts::read())),
        other => Err(io::Error::other(format!("a no-operation was answered by {other:?}"))),
    }
}
