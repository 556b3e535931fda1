//! What it would give to register buffers and files with the ring: reads of 4 KiB, 32 at a time, by
//! a bare ring, from the page cache and past it.
//!
//! ```text
//! cargo bench --bench registered
//! TMPDIR=/a/disk cargo bench --bench registered
//! ```
//!
//! On 6.18, of the CPU time with neither: with buffers 0.97 from the cache and 0.90 past it, with
//! the file 0.96 and 0.97, with both 0.93 and 0.86. From the cache that is 80 of 860 ns.
//!
//! Rounds of all ways alternate. A figure is the CPU time of the thread per read, and a ratio the
//! median of those within a round: so neither other processes nor a clock that drifts count.

mod bare;

use bare::Bare;
use io_uring::squeue::Entry;
use io_uring::{opcode, types};
use nestling::buf::{AlignedBuf, IoBufMut};
use nix::time::{ClockId, clock_gettime};
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

const DEPTH: usize = 32;
const SIZE: usize = 4096;
/// Of the file, in pieces of that size: 64 MiB.
const PIECES: u64 = 1 << 14;
const ROUNDS: usize = 101;

/// Of a way: whether its buffers are registered, and whether its file is.
const WAYS: [(&str, bool, bool); 4] = [
    ("neither", false, false),
    ("buffers", true, false),
    ("file", false, true),
    ("both", true, true),
];

/// Where the next read is.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
    (*state >> 40) % PIECES * SIZE as u64
}

fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock").into()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Reads so often `DEPTH` pieces at once; returns the CPU time of one read in nanoseconds.
fn round(
    ring: &mut Bare<'_>,
    file: &fs::File,
    buffers: &mut [AlignedBuf],
    (fixed_buffers, fixed_file): (bool, bool),
    turns: u64,
) -> f64 {
    let mut state = 0;
    let start = cpu();
    for _ in 0..turns {
        let reads = buffers.iter_mut().enumerate().map(|(index, buffer)| {
            let (start, length, place) = (buffer.io_ptr_mut(), SIZE as u32, next(&mut state));
            let (plain, fixed) = (types::Fd(file.as_raw_fd()), types::Fixed(0));
            let at = index as u16;
            let read: Entry = match (fixed_buffers, fixed_file) {
                (false, false) => opcode::Read::new(plain, start, length).offset(place).build(),
                (false, true) => opcode::Read::new(fixed, start, length).offset(place).build(),
                (true, false) => {
                    opcode::ReadFixed::new(plain, start, length, at).offset(place).build()
                }
                (true, true) => {
                    opcode::ReadFixed::new(fixed, start, length, at).offset(place).build()
                }
            };
            read
        });
        assert_eq!(ring.exchange(reads, DEPTH), 0, "the file can be read");
    }
    (cpu() - start).as_secs_f64() * 1e9 / (turns * DEPTH as u64) as f64
}

fn compare(title: &str, file: &fs::File, turns: u64) {
    let mut buffers: Vec<_> = (0..DEPTH).map(|_| AlignedBuf::zeroed(SIZE, SIZE)).collect();
    let mut ring = bare::ring();
    bare::register(&ring, file, &mut buffers);
    let mut ring = Bare::new(&mut ring);
    let mut figures = [const { Vec::new() }; WAYS.len()];
    // The first round warms up.
    for number in 0..=ROUNDS {
        for ((_, with_buffers, with_file), figures) in WAYS.iter().zip(&mut figures) {
            let figure = round(&mut ring, file, &mut buffers, (*with_buffers, *with_file), turns);
            figures.extend((number > 0).then_some(figure));
        }
    }
    println!("{title}, {ROUNDS} rounds");
    for ((name, ..), each) in WAYS.iter().zip(&figures) {
        let ratios = each.iter().zip(&figures[0]).map(|(this, plain)| this / plain).collect();
        println!("{name:8} {:9.1} ns {:8.3}", median(each.clone()), median(ratios));
    }
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!("only `cargo bench` measures");
    }
    let path = std::env::temp_dir().join(format!("nestling-registered-{}", std::process::id()));
    fs::write(&path, vec![1; PIECES as usize * SIZE]).expect("room for 64 MiB");
    let file = fs::File::open(&path).expect("it was made");
    file.sync_all().expect("a disk");
    let direct = fs::File::options().read(true).custom_flags(libc::O_DIRECT).open(&path);
    fs::remove_file(&path).expect("it was made");
    compare("from the page cache", &file, 50);
    match direct {
        Ok(direct) => compare("past it", &direct, 5),
        Err(error) => println!("past it: not here: {error}"),
    }
}
