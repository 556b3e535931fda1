//! The set-up flags from the oldest to the youngest, and which of them a kernel lacks.

use super::explain;
use crate::config::Config;
use crate::diagnosis::Facts;
use io_uring::{Builder, IoUring};
use std::io;

type Flag = (&'static str, &'static str, fn(&mut Builder, &Config));

/// A flag's name, the release that brought it, and how it is set. No flag needs a later one.
const FLAGS: [Flag; 5] = [
    ("IORING_SETUP_CQSIZE", "5.5", |builder, config| {
        builder.setup_cqsize(config.completions.max(config.entries));
    }),
    ("IORING_SETUP_CLAMP", "5.6", |builder, _| {
        builder.setup_clamp();
    }),
    ("IORING_SETUP_SUBMIT_ALL", "5.18", |builder, _| {
        builder.setup_submit_all();
    }),
    ("IORING_SETUP_SINGLE_ISSUER", "6.0", |builder, _| {
        builder.setup_single_issuer();
    }),
    // Its companion TASKRUN_FLAG (5.19) is refused without it.
    ("IORING_SETUP_DEFER_TASKRUN", "6.1", |builder, _| {
        builder.setup_defer_taskrun().setup_taskrun_flag();
    }),
];

/// With all flags; none of them is done without.
pub(super) fn builder(config: &Config) -> Builder {
    with(&FLAGS, config)
}

fn with(flags: &[Flag], config: &Config) -> Builder {
    let mut builder = IoUring::builder();
    builder.dontfork();
    for (_, _, set) in flags {
        set(&mut builder, config);
    }
    builder
}

/// The kernel refused the flags: says which one.
pub(super) fn explain(facts: &Facts) -> io::Error {
    let small = Config { entries: 1, completions: 2, ..Config::default() };
    let refuses = |flags: &usize| {
        let built = with(&FLAGS[..*flags], &small).build(small.entries);
        built.is_err_and(|error| error.raw_os_error() == Some(libc::EINVAL))
    };
    name(refuses, facts)
}

/// The words for a kernel that refuses a ring with the first so many flags, or not.
pub(crate) fn name(refuses: impl FnMut(&usize) -> bool, facts: &Facts) -> io::Error {
    // All of them were refused already.
    let fewest = (0..FLAGS.len()).find(refuses).unwrap_or(FLAGS.len());
    match fewest.checked_sub(1) {
        None => explain::no_flags(facts),
        Some(last) => explain::lacks(FLAGS[last].0, FLAGS[last].1, facts),
    }
}
