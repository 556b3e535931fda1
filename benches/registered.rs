//! What it gives that files and buffers are registered with the ring: reads of 4 KiB, 32 at a time,
//! from the page cache and past it; by the runtime, and by a bare ring.
//!
//! ```text
//! cargo bench --bench registered
//! TMPDIR=/a/disk cargo bench --bench registered
//! ```
//!
//! Rounds of all ways alternate. A figure is the CPU time of the thread per read, and a ratio the
//! median of those within a round, to the first way: so neither other processes nor a clock that
//! drifts count.

mod bare;

use bare::Bare;
use io_uring::squeue::Entry;
use io_uring::{IoUring, opcode, types};
use nestling::buf::{AlignedBuf, FixedBuf, FixedPool, IoBufMut};
use nestling::fs::File;
use nestling::{Runtime, nursery};
use nix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

const DEPTH: usize = 32;
const SIZE: usize = 4096;
/// Of the file, in pieces of that size: 64 MiB.
const PIECES: u64 = 1 << 14;
const ROUNDS: usize = 101;

/// What is registered.
#[derive(Debug, Clone, Copy)]
enum Way {
    Neither,
    Buffers,
    File,
    Both,
}

impl Way {
    const ALL: [Self; 4] = [Self::Neither, Self::Buffers, Self::File, Self::Both];

    fn buffers(self) -> bool {
        matches!(self, Self::Buffers | Self::Both)
    }

    fn file(self) -> bool {
        matches!(self, Self::File | Self::Both)
    }
}

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

/// A bare ring, with its file and its buffers.
struct OfBare<'ring> {
    ring: Bare<'ring>,
    file: &'ring fs::File,
    buffers: Vec<AlignedBuf>,
}

impl<'ring> OfBare<'ring> {
    fn new(ring: &'ring mut IoUring, file: &'ring fs::File) -> Self {
        let mut buffers: Vec<_> = (0..DEPTH).map(|_| AlignedBuf::zeroed(SIZE, SIZE)).collect();
        bare::register(ring, file, &mut buffers);
        Self { ring: Bare::new(ring), file, buffers }
    }

    /// Reads so often `DEPTH` pieces at once.
    fn read(&mut self, way: Way, turns: u64) {
        let mut state = 0;
        let (plain, fixed) = (types::Fd(self.file.as_raw_fd()), types::Fixed(0));
        for _ in 0..turns {
            let reads = self.buffers.iter_mut().enumerate().map(|(index, buffer)| {
                let (start, length, place) = (buffer.io_ptr_mut(), SIZE as u32, next(&mut state));
                let at = index as u16;
                let read: Entry = match way {
                    Way::Neither => opcode::Read::new(plain, start, length).offset(place).build(),
                    Way::File => opcode::Read::new(fixed, start, length).offset(place).build(),
                    Way::Buffers => {
                        opcode::ReadFixed::new(plain, start, length, at).offset(place).build()
                    }
                    Way::Both => {
                        opcode::ReadFixed::new(fixed, start, length, at).offset(place).build()
                    }
                };
                read
            });
            assert_eq!(self.ring.exchange(reads, DEPTH), 0, "the file can be read");
        }
    }
}

/// A runtime, with what it reads.
struct OfRuntime {
    runtime: Runtime,
    registered: File,
    /// Registered with a ring that is not used any more, and so with no other.
    plain: File,
    buffers: RefCell<Vec<AlignedBuf>>,
    fixed: RefCell<Vec<FixedBuf>>,
    _pool: FixedPool,
    _other: Runtime,
}

impl OfRuntime {
    fn new(file: &fs::File) -> Self {
        let mut runtime = Runtime::builder().build().expect("a runtime");
        let mut other = Runtime::builder().build().expect("another one");
        let open = || File::from_std(file.try_clone().expect("a descriptor is left"));
        let often = |runtime: &mut Runtime, file: File| {
            let buffers = RefCell::new(vec![AlignedBuf::new(SIZE, SIZE)]);
            runtime.block_on(read_all(&file, &buffers, 100));
            file
        };
        let (registered, plain) = (often(&mut runtime, open()), often(&mut other, open()));
        let pool = runtime.block_on(async { FixedPool::new(DEPTH, SIZE) }).expect("memory");
        assert!(pool.is_registered(), "memory that may be locked");
        let fixed = (0..DEPTH).map(|_| pool.take().expect("one for each")).collect();
        let buffers = (0..DEPTH).map(|_| AlignedBuf::new(SIZE, SIZE)).collect();
        let (buffers, fixed) = (RefCell::new(buffers), RefCell::new(fixed));
        Self { runtime, registered, plain, buffers, fixed, _pool: pool, _other: other }
    }

    fn read(&mut self, way: Way, turns: u64) {
        let Self { runtime, registered, plain, buffers, fixed, .. } = self;
        let file = if way.file() { registered } else { plain };
        match way.buffers() {
            true => runtime.block_on(read_all(file, fixed, turns)),
            false => runtime.block_on(read_all(file, buffers, turns)),
        }
    }
}

/// As many children as there are buffers read so often one piece each.
async fn read_all<B: IoBufMut>(file: &File, buffers: &RefCell<Vec<B>>, turns: u64) {
    let taken = buffers.take();
    let result: io::Result<()> = nursery(async |n| {
        for (child, mut buffer) in taken.into_iter().enumerate() {
            n.spawn(async move {
                let mut state = child as u64;
                for _ in 0..turns {
                    let (result, filled) = file.read_at(buffer, next(&mut state)).await;
                    assert_eq!(result?, SIZE);
                    buffer = filled;
                }
                buffers.borrow_mut().push(buffer);
                Ok(())
            });
        }
        Ok(())
    })
    .await;
    result.expect("the file can be read");
}

fn compare(title: &str, file: &fs::File, turns: u64) {
    let mut ring = bare::ring();
    let (mut bare, mut nestling) = (OfBare::new(&mut ring, file), OfRuntime::new(file));
    let mut figures: [[Vec<f64>; 4]; 2] = Default::default();
    // The first round warms up.
    for number in 0..=ROUNDS {
        for (at, way) in Way::ALL.into_iter().enumerate() {
            let mut measure = |which: usize, read: &mut dyn FnMut()| {
                let start = cpu();
                read();
                let each = (cpu() - start).as_secs_f64() * 1e9 / (turns * DEPTH as u64) as f64;
                figures[which][at].extend((number > 0).then_some(each));
            };
            measure(0, &mut || bare.read(way, turns));
            measure(1, &mut || nestling.read(way, turns));
        }
    }
    println!("{title}, {ROUNDS} rounds: ns, of the first way, of the bare ring with neither");
    for (name, of) in ["bare", "nestling"].iter().zip(&figures) {
        for (way, each) in Way::ALL.iter().zip(of) {
            let ratio = |to: &[f64]| median(each.iter().zip(to).map(|(a, b)| a / b).collect());
            let (own, bare) = (ratio(&of[0]), ratio(&figures[0][0]));
            let way = format!("{way:?}");
            println!("{name:9} {way:8} {:9.1} {own:8.3} {bare:8.3}", median(each.clone()));
        }
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
