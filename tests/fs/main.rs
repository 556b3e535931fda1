//! Files and directories: what they do, what is left of them when they are cancelled or dropped,
//! and that none keeps its core from the others.
//!
//! | file | what it holds |
//! |---|---|
//! | `at_hand.rs` | what is in the kernel's caches, on the spot |
//! | `cut.rs` | what is left of operations that are cancelled, dropped or raced |
//! | `dead.rs` | a mount whose server does not answer |
//! | `dirs.rs` | directories, links, walks, temporary names; no path leads out of a `Dir` |
//! | `every.rs` | each operation: success, error, cancel and drop after each number of turns |
//! | `files.rs` | reads and writes at places, their ends, their errors, and the space of a file |
//! | `folder.rs` | a directory for one test, which is gone after it |
//! | `hostile.rs` | full disks, disks that may not be written to, and processes that are killed |
//! | `large.rs` | a copy of 256 MiB |
//! | `memory.rs` | the memory of direct reads and writes, watched after it was freed |
//! | `model.rs` | random reads, writes and cuts, against a vector |
//! | `registered.rs` | files and memory that are registered with the ring |
//! | `short.rs` | a server in user space that gives less than it was asked for |
//! | `waiting.rs` | FIFOs, full pipes and locks, a thousand at a time, beside other files |
//!
//! # What is shown of each operation
//!
//! Raced means that the operation ends while it is cancelled or dropped. What the first row names
//! holds for each operation; the others add to it.
//!
//! | operation | success | short | error | cancelled in flight | dropped | raced |
//! |---|---|---|---|---|---|---|
//! | each of them | 1 | | 2 | 3 | 4 | 3, 4 |
//! | open | 5, 41 | | 6, 7 | 8, 9, 42 | 10 | |
//! | statx | 13 | | 6 | 9 | | |
//! | read | 14, 15 | 16, 48 | 16, 17 | 18, 9 | 19 | 18, 19 |
//! | readv | 20, 15 | 15, 48 | 2 | 9 | | |
//! | write | 14, 15 | 21, 49 | 16, 21 | 9, 19 | 22, 19 | 11, 19 |
//! | writev | 20, 15 | | 2 | | | |
//! | both, registered | 37, 38, 44 | 37 | 39, 2 | 9 | 40 | 40, 38 |
//! | fsync, fdatasync, sync_file_range | 23 | | 24, 2 | | | |
//! | allocate, punch a hole, cut, advise | 23 | | 21, 24, 2 | | | |
//! | make, remove, rename, link | 25 | | 7, 26 | | 47 | 11 |
//! | list, walk | 27 | | 27 | | 28 | |
//! | lock | 29 | | 2 | 30 | 31 | 31, 32 |
//! | a whole file | 33 | 33, 43, 48 | 21, 26 | | 34 | 34 |
//! | a temporary name | 35 | | 26 | | 36 | 36 |
//! | close | 46 | | 45 | | 46 | |
//!
//! 1 `each_operation_succeeds`. 2 `each_operation_fails_as_the_kernel_says`.
//! 3 `each_operation_is_told_of_its_cancel_or_done`.
//! 4 `b2_each_operation_leaves_nothing_when_it_is_dropped`. 5 `a_fifo_is_open_when_both_ends_are`.
//! 6 `errors_name_the_path_and_keep_the_cause`, `an_open_whose_look_fails_fails`,
//! `an_open_that_cannot_have_the_file_wait_fails`. 7 `no_path_leads_out_of_a_dir`.
//! 8 `k13_a_thousand_waiting_opens_do_not_stop_other_files`.
//! 9 `k13_a_cancel_reaches_what_waits_for_a_mount`. 10 `b2_what_a_dropped_open_makes_is_closed`.
//! 11 `what_races_its_cancel_has_happened_or_not`.
//! 13 `what_is_known_of_a_file_is_what_std_knows`. 14 `a_file_is_written_and_read_at_places`.
//! 15 `a_file_is_as_a_vector`. 16 `an_exact_read_past_the_end_says_how_far_it_came`.
//! 17 `a_disk_that_fails_says_so`. 18 `a_cancelled_read_gives_its_buffer_back`.
//! 19 `a2_the_memory_of_a_direct_read_is_freed_after_it`, and of a write.
//! 20 `vectors_are_filled_and_written_in_order`.
//! 21 `a_full_disk_is_an_error_that_says_how_much_went`. 22 `b9_a_write_goes_to_its_own_file`.
//! 23 `the_length_and_the_holes_of_a_file_change`. 24 `syncs_are_refused_by_what_has_no_disk`.
//! 25 `names_are_made_changed_and_removed`. 26 `what_may_not_be_written_to_says_so`.
//! 27 `a_directory_is_listed_batch_by_batch`, `a_walk_finds_everything_once`.
//! 28 `b2_what_dropped_listings_have_open_is_closed`. 29 `locks_exclude_each_other`.
//! 30 `j3_locks_that_are_waited_for_do_not_stop_the_pool`.
//! 31 `b2_a_lock_that_is_taken_too_late_is_given_back`.
//! 32 `a_lock_of_the_other_kind_takes_the_place_of_the_old_one`.
//! 33 `whole_files_are_read_written_and_replaced`.
//! 34 `a_dropped_replacement_leaves_the_old_or_the_new_bytes`.
//! 35 `temporary_files_and_directories_leave_nothing`.
//! 36 `b2_a_temporary_directory_that_is_made_too_late_is_removed`.
//! 37 `buffers_of_a_pool_are_read_into_and_written_from`.
//! 38 `a_slot_is_never_taken_for_the_file_before`, `a_buffer_without_a_slot_is_plain_memory`.
//! 39 `what_a_registered_file_is_not_open_for_fails`.
//! 40 `a2_a_buffer_is_back_after_the_disk_is_done`.
//! 41 `a_file_that_was_opened_on_the_spot_is_not_nonblocking`,
//! `what_is_at_hand_is_opened_at_the_first_poll`.
//! 42 `r06_what_is_at_hand_is_not_opened_in_a_cancelled_task`,
//! `k13_an_open_on_a_mount_in_no_list_does_not_stop_the_core`,
//! `k13_the_core_does_not_look_where_a_server_may_be_asked`.
//! 43 `a_file_of_which_the_cache_has_a_part_is_read_whole`.
//! 44 `a_low_limit_of_descriptors_makes_a_small_table`.
//! 45 `a_close_on_the_spot_says_what_the_kernel_says`.
//! 46 `k13_a_file_is_not_closed_on_the_spot_where_a_close_works`.
//! 47 `b9_a_link_keeps_its_file_open`.
//! 48 `what_a_server_gives_short_is_read_at_its_place`,
//! `a_file_that_a_server_gives_short_is_read_whole`.
//! 49 `what_a_server_takes_short_is_written_to_its_place`.

mod at_hand;
mod cut;
mod dead;
mod dirs;
mod every;
mod files;
mod folder;
mod hostile;
mod large;
mod memory;
mod model;
mod registered;
mod short;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod waiting;

use nestling::Runtime;
use support::{assert_balanced, descriptors, watched};

/// Runs a test in a runtime of its own, with few places in the ring's queue; and checks that no
/// descriptor and nothing in flight is left of it. While there is a `Folder`, no other test runs.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let before = descriptors();
        let result = runtime.block_on(test());
        assert_eq!(descriptors(), before);
        assert_balanced(&runtime);
        result
    })
}
