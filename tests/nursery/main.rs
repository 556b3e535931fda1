//! The rules of nurseries, one module each, on the real kernel.

mod support;

mod borrowing;
mod daemon;
mod deep_and_wide;
mod finally;
mod foreign;
mod join_cancel;
mod r01_join;
mod r02_what_cancels;
mod r03_kernel;
mod r04_last_poll;
mod r05_kept;
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
mod r15_descriptors;
mod r16_memory;
mod slots;
mod start;
mod stress;
mod supervise;
