//! Reading and writing: whatever pieces the bytes come and go in, and whatever is dropped on the
//! way, the other side sees each of them once, in order.
//!
//! | file | what it holds |
//! |---|---|
//! | `async_fd.rs` | waits on descriptors of any kind |
//! | `bidirectional.rs` | copies in both directions at once |
//! | `buffered_reads.rs` | random calls of a reader, some of them dropped, against that of std |
//! | `buffered_writes.rs` | random writes, some of them dropped, and what the other side has |
//! | `bytes.rs` | the buffers of the crate `bytes`, lent to sockets |
//! | `copies.rs` | copies: their count, their flushes, and what is left when one fails or is cut |
//! | `foreign.rs`, `foreign_futures.rs` | streams as what other crates read from and write to |
//! | `halves.rs` | halves of streams, and Unix streams |
//! | `lines.rs` | lines: their limit, their ends, and sockets whose reads are dropped |
//! | `pieces.rs` | a source and a sink that take a random number of bytes at a time, or fail |
//! | `pipes.rs` | pipes and named pipes: every end of a read and of a write |
//! | `sent_files.rs` | files that are sent past the buffer, likewise |
//! | `std_streams.rs` | standard streams: terminals, full pipes, and none |
//! | `spliced.rs` | copies that go past the buffer: order, counts, ends, and what is left |
//! | `traits.rs` | sockets, memory and references as sources and sinks |
//!
//! # What is shown of each operation
//!
//! Raced means dropped or cancelled at random moments. A dash: no test here brings it about.
//!
//! | operation | success | short | error | cancelled in flight | dropped | raced |
//! |---|---|---|---|---|---|---|
//! | read of a pipe | 1 | 2 | - | 3 | 4 | 5 |
//! | write to a pipe | 1 | 2 | 6 | 3, 7 | 8 | - |
//! | open of a named pipe | 9 | | 10 | - | - | |
//! | standard streams | 11 | 12 | 12 | - | - | |
//! | wait for a descriptor | 13 | | 14 | 15 | 16 | |
//! | buffered read, lines | 17 | 17 | 18 | 19 | 17, 20 | 17 |
//! | buffered write, flush | 21 | 21 | 22 | 23 | 24 | 21 |
//! | copy | 25 | 25 | 26 | 27 | - | |
//! | copy within the kernel | 28 | - | 29 | 30 | 31 | |
//! | send a file | 32 | 33 | 34 | 35 | 36 | |
//!
//! 1 `what_is_written_is_read`. 2 `short_writes`. 3
//! `r03_a_read_and_a_write_in_flight_are_cancelled`. 4 `e1_a_dropped_read_leaves_its_bytes`.
//! 5 `e1_random_drops_lose_nothing`. 6 `i2_a_write_without_a_reader_is_an_error`.
//! 7 `e5_a_cancelled_write_all_says_how_much_has_gone`. 8 `b8_dropped_operations_leave_nothing`.
//! 9 `i12_a_named_pipe_that_nobody_has_open`. 10 `what_is_no_named_pipe`.
//! 11 `a_pipe_a_file_and_nothing`. 12 `a_full_pipe_and_a_reader_that_goes`.
//! 13 `an_event_counter_is_waited_for`. 14 `errors_of_the_attempt_come_out`.
//! 15 `r06_a_cancelled_wait_answers_once`. 16 `b1_a_dropped_wait_leaves_no_descriptor`.
//! 17 `r17_random_reads_and_those_of_std`, `lines_are_those_of_std`. 18 `b_a_line_has_a_limit`.
//! 19 `r17_half_a_line_outlives_a_cancelled_call`. 20 `r17_lines_of_dropped_calls`.
//! 21 `b_random_writes_and_what_was_sent`. 22 `b_a_failure_without_a_count_breaks_the_writer`.
//! 23 `b_a_cancelled_flush_keeps_what_has_not_gone`. 24 `b_a_dropped_flush_breaks_the_writer`.
//! 25 `a_copy_in_any_pieces`. 26 `a_copy_that_fails_tells_what_the_writer_has`.
//! 27 `r17_a_cancelled_copy_tells_what_the_peer_has`.
//! 28 `all_bytes_arrive_in_order_and_the_end_after_them`. 29 `a_splice_to_a_peer_that_goes_fails`.
//! 30 `r17_a_cancelled_splice_tells_what_the_peer_has`.
//! 31 `a_splice_that_is_dropped_while_it_waits_loses_nothing`.
//! 32 `every_byte_of_a_range_arrives_in_order`.
//! 33 `a_file_that_is_cut_meanwhile_is_sent_to_its_new_end`. 34 `a_file_to_a_peer_that_goes_fails`.
//! 35 `r17_a_cancelled_file_tells_what_the_peer_has`.
//! 36 `b2_a_file_that_is_dropped_at_any_poll_leaves_nothing_in_a_pipe`.

#[expect(unsafe_code, reason = "descriptors that std does not make")]
mod async_fd;
mod bidirectional;
mod buffered_reads;
mod buffered_writes;
mod bytes;
mod copies;
mod foreign;
mod foreign_futures;
mod halves;
mod lines;
mod pieces;
mod pipes;
mod sent_files;
mod spliced;
mod std_streams;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod traits;

use nestling::Runtime;

/// Runs a test in a runtime of its own, and checks that nothing in flight is left of it.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    support::watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let result = runtime.block_on(test());
        support::assert_balanced(&runtime);
        result
    })
}
