//! Which mounts have a server, for which the kernel would stop the thread that opens, reads or
//! writes a file there through the ring.
//!
//! A mount that the list does not have, such as one that is mounted nowhere, may have one as well.
//!
//! Measured on 6.18, in CPU time of an open, a read of 1 KiB and a close by the ring, from the
//! cache: 8.3 us with the open on the core and 14.0 on a thread of the kernel's; with 32 at a time
//! 5.1 and 6.7. What is in the cache is opened without the ring where no mount has a server, which
//! takes less than both (`benches/small_files.rs`). The look whether the mounts are the same is a
//! call of `poll`.

use crate::context;
use crate::fd::SharedFd;
use crate::sys::{self, Known, MountTable};
use std::cell::RefCell;
use std::rc::Rc;

/// Kinds of file systems that this kernel alone answers for, from a disk or from memory. Others are
/// taken for such as have a server: another machine, or a process (FUSE).
const LOCAL: &str = " adfs affs apparmorfs autofs bcachefs bfs binder binfmt_misc bpf btrfs cgroup \
    cgroup2 configfs cramfs debugfs devpts devtmpfs efivarfs efs erofs exfat ext2 ext3 \
    ext4 f2fs fusectl hfs hfsplus hpfs hugetlbfs isofs iso9660 jffs2 jfs minix mqueue msdos nfsd \
    nilfs2 nsfs ntfs ntfs3 omfs overlay proc pstore qnx4 qnx6 ramfs reiserfs resctrl romfs rootfs \
    rpc_pipefs securityfs selinuxfs smackfs squashfs sysfs sysv tmpfs tracefs ubifs udf ufs vfat \
    xenfs xfs zfs zonefs ";

/// Those of them that have something to do at each close of a file (`flush`).
const FLUSHING: [&str; 5] = ["debugfs", "f2fs", "mqueue", "overlay", "tracefs"];

/// How reads and writes of a file are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By the ring, which does not stop the core.
    Ring,
    /// By the ring, on a thread of the kernel's: a server may be waited for.
    Worker,
    /// Reads, and writes with `O_DIRECT`, by plain calls on a thread of the pool; other writes as
    /// for `Worker`. For servers in user space (FUSE): seen on 6.18, a ring that is given less than
    /// it asked for asks for the rest at the same place, where the server has the file read past
    /// the page cache (`FOPEN_DIRECT_IO`). The bytes are wrong then, and the count is too large,
    /// also at the end of the file; the rest of a write with `O_DIRECT` goes over its start. No
    /// flag of a request prevents it, and nothing tells a client which files of FUSE those are.
    Pool,
}

/// What a core knows of the mounts that its thread sees: nothing before the first look.
#[derive(Debug, Default)]
pub(crate) struct Mounts(RefCell<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// `None` if it could not be read, as without `/proc`: then every mount may have a server.
    table: Option<MountTable>,
    /// The numbers of those without a server, in order.
    local: Vec<u64>,
    /// Those of these with something to do at a close.
    flushing: Vec<u64>,
    /// The numbers of those whose server is not in user space, in order.
    served: Vec<u64>,
    /// Whether there are others than those without a server.
    has_served: bool,
}

impl Seen {
    fn read(&mut self) {
        let Some(table) = &mut self.table else { return };
        let Ok(text) = table.read() else { return self.table = None };
        let text = String::from_utf8_lossy(&text);
        self.local.clear();
        self.flushing.clear();
        self.served.clear();
        self.has_served = false;
        for mount in sys::mounts(&text) {
            if FLUSHING.contains(&mount.kind) {
                self.flushing.push(mount.number);
            }
            let is_local = is_local(mount.kind);
            self.has_served |= !is_local;
            match is_local {
                true => self.local.push(mount.number),
                false if !is_fuse(mount.kind) => self.served.push(mount.number),
                false => {}
            }
        }
        self.local.sort_unstable();
        self.flushing.sort_unstable();
        self.served.sort_unstable();
    }

    /// Looks whether other mounts are there by now.
    fn look(&mut self) {
        match &self.table {
            Some(table) if !table.has_changed() => return,
            Some(_) => {}
            None => self.table = MountTable::open().ok(),
        }
        self.read();
    }
}

fn is_local(kind: &str) -> bool {
    LOCAL.split(' ').any(|local| local == kind)
}

/// Whether its server is in user space, or speaks as one. The kind may have a second name.
fn is_fuse(kind: &str) -> bool {
    matches!(kind.split('.').next(), Some("fuse" | "fuseblk" | "virtiofs"))
}

/// Asks what is known of mounts. Outside a core nothing is kept of it.
fn ask<T>(of: impl FnOnce(&mut Seen) -> T) -> T {
    let mounts = context::with_core(|core| Rc::clone(&core.mounts)).unwrap_or_default();
    let mut seen = mounts.0.borrow_mut();
    of(&mut seen)
}

/// Whether to open a path may ask a server, and is to begin on a thread of the kernel's. Links may
/// lead anywhere, so one mount with a server is enough.
pub(super) fn may_be_served() -> bool {
    ask(|seen| {
        seen.look();
        seen.table.is_none() || seen.has_served
    })
}

/// When the mounts were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// Just before the open, which cannot have had a mount made; or after it.
    ForIt,
    /// Longer ago, or never.
    LongAgo,
}

/// How reads and writes of the file are done. Those of FUSE look to the ring as if they could be
/// polled, and then stop the thread until the server answers, if it ever does. What is no regular
/// file and no directory answers for itself, wherever it is.
pub(super) fn way(file: &SharedFd, known: &Known, looked: Looked) -> Way {
    if !matches!(known.kind, libc::S_IFREG | libc::S_IFDIR) {
        return Way::Ring;
    }
    let way = ask(|seen| {
        if looked == Looked::LongAgo {
            seen.look();
        }
        let has = |numbers: &[u64]| numbers.binary_search(&known.mount).is_ok();
        match seen.table.is_some() {
            true if has(&seen.local) => Way::Ring,
            true if has(&seen.served) => Way::Worker,
            // What is in no list may be FUSE as well.
            _ => Way::Pool,
        }
    });
    // What is in memory may be on a mount of the kernel's own. It is the only such question that
    // no server is asked: statfs(2) would ask it.
    if way != Way::Ring && sys::is_in_memory(file) { Way::Ring } else { way }
}

/// Whether a close of the file has something to do, for which the ring has a thread of the
/// kernel's. Asked of what is read by the ring, just after its [`way`].
pub(super) fn is_flushed(known: &Known) -> bool {
    ask(|seen| seen.flushing.binary_search(&known.mount).is_ok())
}
