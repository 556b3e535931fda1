//! `Dead`: a file system with one file, `file`, which can be opened and never read or written, and
//! in which no other name is ever looked up to its end.
//!
//! The words and structures are those of `linux/fuse.h`.

use crate::memory::POISON;
use crate::support::sandbox;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const FSYNC: u32 = 20;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

/// Names of one directory are looked up beside each other.
const PARALLEL_DIROPS: u32 = 1 << 18;
/// Reads do not go through the page cache.
const DIRECT_IO: u32 = 1 << 0;

/// What reads are answered with that are answered late.
const LATE: u8 = 0x22;

/// What the server does with what it does not answer otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Nothing.
    Silent,
    /// Nothing, not even to opens.
    Mute,
    /// Nothing, before the kernel interrupts it.
    Heeds,
    /// Nothing, before the kernel interrupts it; and then all that was asked, as a disk that has
    /// begun. It ends a sync as well.
    Late,
    /// Reads and writes fail, as those of a disk that is broken.
    Fails,
    /// Reads give and writes take half of what is asked, as of a stream.
    Half,
    /// Reads give and writes take all, as of a file.
    Whole,
}

/// A mount of it; ended when this is dropped.
pub(crate) struct Dead {
    at: PathBuf,
    counts: Arc<Counts>,
    server: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    held: AtomicUsize,
    interrupts: AtomicUsize,
    poisoned: AtomicUsize,
    /// What is in the file, where that can be read and written.
    bytes: Mutex<Vec<u8>>,
}

impl Dead {
    /// `None` where nothing can be mounted.
    pub(crate) fn mount(at: &Path, conduct: Conduct) -> Option<Self> {
        let counts = Counts { bytes: Mutex::new(first_bytes()), ..Counts::default() };
        let counts = Arc::new(counts);
        let (mounted, result) = mpsc::channel();
        let (place, counted) = (at.to_owned(), Arc::clone(&counts));
        let server = thread::spawn(move || match connect(&place) {
            Ok(device) => {
                mounted.send(Ok(())).expect("it is waited for");
                serve(&device, conduct, &counted);
            }
            Err(error) => mounted.send(Err(error)).expect("it is waited for"),
        });
        let result = result.recv().expect("it is told");
        result.inspect_err(|error| eprintln!("NOT RUN: no FUSE here: {error}")).ok()?;
        Some(Self { at: at.to_owned(), counts, server: Some(server) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// Has it be mounted nowhere: no list of mounts has it.
    pub(crate) fn detach(&self) -> OwnedFd {
        let tree = sandbox::detached(&self.name()).expect("a second mount");
        umount2(&self.at, MntFlags::MNT_DETACH).expect("it is mounted");
        tree
    }

    /// Mounts it again.
    pub(crate) fn attach(&self, tree: &OwnedFd) {
        sandbox::attach(tree, &self.name());
    }

    fn name(&self) -> CString {
        CString::new(self.at.as_os_str().as_bytes()).expect("no zero")
    }

    /// So many requests have come that are never answered.
    pub(crate) fn holds(&self) -> usize {
        self.counts.held.load(Ordering::SeqCst)
    }

    /// So many of them were interrupted.
    pub(crate) fn interrupts(&self) -> usize {
        self.counts.interrupts.load(Ordering::SeqCst)
    }

    /// So many writes came with memory that had been freed.
    pub(crate) fn poisoned(&self) -> usize {
        self.counts.poisoned.load(Ordering::SeqCst)
    }

    /// What is in the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.counts.bytes.lock().unwrap().clone()
    }

    /// As `umount -f`: all that waits fails. It says that it is busy, and cuts the connection to
    /// the server all the same.
    pub(crate) fn end(&self) {
        let _ = umount2(&self.at, MntFlags::MNT_FORCE);
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        self.end();
        // It was not busy any more, if this fails.
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
        let server = self.server.take().expect("it is joined once");
        server.join().expect("it answers what comes");
    }
}

/// Mounts it. This thread alone has the connection: should the process be killed, the connection is
/// cut, and threads that wait for the server can end.
fn connect(at: &Path) -> io::Result<File> {
    unshare(CloneFlags::CLONE_FILES)?;
    let device = File::options().read(true).write(true).open("/dev/fuse")?;
    let fd = device.as_raw_fd();
    let options = format!("fd={fd},rootmode=40000,user_id=0,group_id=0");
    mount(Some("dead"), at, Some("fuse"), MsFlags::empty(), Some(&*options))?;
    Ok(device)
}

/// The length of what each request begins with: its own length, what it asks, its number, what it
/// is about, and for whom.
const HEADER: usize = 40;

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Answers until the connection is cut.
fn serve(mut device: &File, conduct: Conduct, counts: &Counts) {
    let mut buffer = vec![0; 1 << 18];
    // What is in flight, and the answer to it.
    let mut held: Vec<(u64, Vec<u8>)> = Vec::new();
    loop {
        let length = match device.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return,
            // A request that was taken back.
            Err(_) => continue,
        };
        let request = &buffer[..length];
        let asked = u32::from_ne_bytes(request[4..8].try_into().expect("four bytes"));
        let (unique, node) = (number(request, 8), number(request, 16));
        let answer = match asked {
            INIT => Ok(words(&[7, 31, 0, PARALLEL_DIROPS, 0, 4096, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
            LOOKUP if &request[HEADER..] == b"file\0" => Ok(entry()),
            GETATTR => Ok([words(&[3600, 0, 0, 0]), attributes(node)].concat()),
            OPEN if conduct != Conduct::Mute => Ok(words(&[0, 0, DIRECT_IO, 0])),
            READ | WRITE | FSYNC if conduct == Conduct::Fails => Err(libc::EIO),
            READ | WRITE if matches!(conduct, Conduct::Half | Conduct::Whole) => {
                Ok(moved(request, asked, conduct, counts))
            }
            FSYNC if conduct == Conduct::Late && !held.is_empty() => {
                let (late, mut answer) = held.pop().expect("it is there");
                // After a whole one the kernel would ask for more.
                answer.truncate(100);
                reply(device, late, Ok(answer));
                Ok(Vec::new())
            }
            LOOKUP | OPEN | READ | WRITE => {
                if matches!(asked, READ | WRITE) {
                    held = vec![(unique, late(request, asked, counts))];
                }
                counts.held.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            INTERRUPT => {
                counts.interrupts.fetch_add(1, Ordering::SeqCst);
                let interrupted = number(request, HEADER);
                match conduct {
                    Conduct::Heeds => reply(device, interrupted, Err(libc::EINTR)),
                    Conduct::Late => {
                        let answer = held.pop().map(|(_, answer)| answer);
                        reply(device, interrupted, Ok(answer.unwrap_or_default()));
                    }
                    _ => {}
                }
                continue;
            }
            FORGET | BATCH_FORGET => continue,
            _ => Err(libc::ENOSYS),
        };
        reply(device, unique, answer);
    }
}

/// The length of the file, as the kernel knows it.
pub(crate) const LENGTH: usize = 1 << 20;

/// By so much the file has grown since.
const GROWN: usize = 1000;

/// What is in the file at first: no part of it is like another one.
fn first_bytes() -> Vec<u8> {
    (0..(LENGTH + GROWN) as u64)
        .map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8)
        .collect()
}

/// Reads or writes as much as it is the conduct to; the answer.
fn moved(request: &[u8], asked: u32, conduct: Conduct, counts: &Counts) -> Vec<u8> {
    let mut bytes = counts.bytes.lock().unwrap();
    let start = bytes.len().min(number(request, HEADER + 8) as usize);
    let size =
        u32::from_ne_bytes(request[HEADER + 16..HEADER + 20].try_into().expect("four bytes"));
    let size = if conduct == Conduct::Half { size.div_ceil(2) } else { size };
    let end = bytes.len().min(start + size as usize);
    if asked == READ {
        return bytes[start..end].to_vec();
    }
    bytes[start..end].copy_from_slice(&request[HEADER + 40..][..end - start]);
    words(&[(end - start) as u32, 0])
}

/// The answer to a read or a write, for later.
fn late(request: &[u8], asked: u32, counts: &Counts) -> Vec<u8> {
    let size =
        u32::from_ne_bytes(request[HEADER + 16..HEADER + 20].try_into().expect("four bytes"));
    if asked == READ {
        return vec![LATE; size as usize];
    }
    let is_poisoned = request[HEADER + 40..].contains(&POISON);
    counts.poisoned.fetch_add(usize::from(is_poisoned), Ordering::SeqCst);
    words(&[size, 0])
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// What the name stands for, which the kernel need not ask for again.
fn entry() -> Vec<u8> {
    [words(&[2, 0, 0, 0, 3600, 0, 3600, 0, 0, 0]), attributes(2)].concat()
}

/// The attributes of the root, which is node 1, or of the file.
fn attributes(node: u64) -> Vec<u8> {
    let mode = if node == 1 { libc::S_IFDIR | 0o755 } else { libc::S_IFREG | 0o644 };
    let mut attributes = words(&[node as u32, 0, LENGTH as u32, 0]);
    // The blocks and the times; then mode, links, owner, group, device, block size, flags.
    attributes.extend([0; 32 + 12]);
    attributes.extend(words(&[mode, 1, 0, 0, 0, 4096, 0]));
    attributes
}

fn reply(mut device: &File, unique: u64, answer: Result<Vec<u8>, i32>) {
    let (error, body) = match answer {
        Ok(body) => (0, body),
        Err(code) => (-code, Vec::new()),
    };
    let mut reply = words(&[16 + body.len() as u32, error as u32]);
    reply.extend(unique.to_ne_bytes());
    reply.extend(body);
    // What was asked may have been taken back.
    let _ = device.write(&reply);
}
