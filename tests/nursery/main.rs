//! The rules of nurseries, one module each, on the real kernel.

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

mod api;
mod borrowing;
mod cancelled;
mod checkpoint;
mod daemon;
mod deadline;
mod deep_and_wide;
mod finally;
mod for_each_limit;
mod foreign;
mod join_cancel;
mod linear;
mod nursery_all;
mod outlives_timeout;
mod r01_join;
mod r02_what_cancels;
mod r03_handed_on;
mod r03_kernel;
mod r04_last_poll;
mod r05_broken_circle;
mod r05_combinators;
mod r05_kept;
mod r05_last_poll;
mod r05_quiet;
mod r05_random_moves;
mod r05_relayed;
mod r05_set_aside;
mod r06_heard_once;
mod r06_no_new_ops;
mod r07_who_hears;
mod r08_shield;
mod r08_shields_combined;
mod r09_result;
mod r10_no_false_success;
mod r11_late_spawn;
mod r12_dropped_early;
mod r13_panics;
mod r14_deadlines;
mod r14_timed_out;
mod r15_descriptors;
mod r16_memory;
mod r18_yielding;
mod r19_passed_over;
mod race;
mod remote_canceller;

mod slots;
mod start;
mod stress;
mod supervise;
mod supervise_drops;
mod task_local;
mod traps;
